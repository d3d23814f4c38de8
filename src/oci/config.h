/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an OCI runtime is told to create (config.json of a bundle) as struct creation. Pure: text in,
 * facts out. The text is hostile in what it says, and the engine that wrote it is not: whatever a
 * runtime could read in another way than we do (a key twice, a key in another case, a list longer
 * than we keep) is an error, never a guess.
 */
#pragma once

#include "policy/creation.h"

#define OCI_CONFIG_MAX (4u << 20)
#define OCI_STORAGE_MAX (64u << 20)
#define OCI_WHY_MAX 256

/* Who asks, by the word of the shim (struct shim_request); borrowed. */
struct oci_source {
	const char *engine; /* "docker", "containerd", "podman", "crio"; "" = not known: no annotation is believed */
	const char *id;	    /* of the container */
	const char *bundle; /* absolute */
};

/*
 * Fills *ret, which must be zeroed; the caller ends it with creation_done(), also after a failure.
 * 0; -EBADMSG or -E2BIG with a sentence in why; -ENOMEM.
 *
 * Identity: pod, namespace, container and image name of Kubernetes only from the annotations that
 * the named engine itself writes (a user of Docker or podman may write any annotation); podman's
 * image from oci_read_podman(). Docker's config.json knows neither name nor image.
 *
 * privileged is deduced, since OCI has no such word: all capabilities (at least 36), every device
 * (rule "a *:* rwm") and no seccomp filter together are what each engine makes of --privileged.
 *
 * Mounts that engines make by themselves are left out: /etc/hosts, resolv.conf, hostname and the
 * like out of the engine's own folder of this container (recognised by the container's id, which
 * no user chooses), of another container below the engines' well-known roots, and kubelet's. What
 * lies in an engine's folder of volumes is a MOUNT_VOLUME.
 *
 * joins: "pid:N" for a namespace of process N, the id of the pod's sandbox for Kubernetes. A
 * sandbox decides for its containers whether they live in the host's network: see the sandbox's
 * own creation. HOST_USER and HOST_CGROUP are set only when asked for by path: an absent one is
 * every engine's default.
 */
int oci_read_config(struct creation *ret, const struct oci_source *from, const char *text, size_t n,
	char why[OCI_WHY_MAX]);

/*
 * Name, image, image id and infra container from podman's containers.json, by c->id. 0; -ENOENT when
 * it is not in there; -EBADMSG, -E2BIG, -ENOMEM. *c is filled only on success.
 */
int oci_read_podman(struct creation *c, const char *text, size_t n);
