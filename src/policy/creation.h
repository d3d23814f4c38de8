/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody asks a container to be: the one form into which a Docker create or exec call
 * (command/) and an OCI config.json (oci/) are read, and of which the gates judge. Only facts; no
 * opinion. Everything in it was written by whoever asks: hostile, with caps. Owned by the struct
 * unless said otherwise.
 */
#pragma once

#include "model/record.h"

#define CREATION_MOUNTS_MAX 256
#define CREATION_LIST_MAX 256 /* capabilities, devices, options, ... */

enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS, MOUNT_OTHER };

struct mount_fact {
	enum mount_kind kind;
	/* BIND: the path on the host, lexically cleaned ("//", ".", ".."), as asked for. A volume of
	 * the local driver with `device` and `o=bind` options is a BIND of its device. VOLUME: its name. */
	char *source;
	char *resolved; /* BIND: `source` with symlinks followed on the host; NULL = not known */
	char *target;   /* in the container */
	bool readonly;
	bool shared; /* mount propagation shared or rshared */
};

/* Namespaces of the host (or of another container, see `joins`) that it wants to live in. */
enum host_namespace {
	HOST_NETWORK = 1 << 0,
	HOST_PID = 1 << 1,
	HOST_IPC = 1 << 2,
	HOST_UTS = 1 << 3,
	HOST_USER = 1 << 4,
	HOST_CGROUP = 1 << 5,
	HOST_MOUNT = 1 << 6, /* OCI only: no mount namespace of its own */
};

/* Settings that say nothing by themselves when absent. */
enum fact { FACT_UNKNOWN, FACT_NO, FACT_YES };

struct creation {
	/* who */
	char *id;	 /* full; NULL = not given yet */
	char *name;	 /* without Docker's slash */
	char *image;	 /* canonical, as asked for; NULL = not known here (OCI of Docker) */
	char *digest;	 /* image id or manifest digest, "sha256:..." */
	char *pod, *namespace_;
	struct kv_list labels; /* labels and, of Kubernetes, annotations */
	bool sandbox;	 /* the pause container of a pod, by the word of its engine */

	/* what it may do */
	enum fact privileged;
	struct str_list capabilities; /* beyond the engine's default set, upper case, no CAP_; "ALL" */
	struct mount_fact *mounts;
	uint32_t mount_count;
	struct str_list devices;      /* host paths: "/dev/kmsg"; cgroup rules as "rule:c *:* rwm" */
	unsigned host_namespaces;     /* enum host_namespace, ored */
	struct str_list joins;	      /* ids or names of containers whose namespaces it joins */
	struct str_list security_options; /* as Docker writes them: "seccomp=unconfined" */
	enum fact seccomp, apparmor, selinux; /* YES: confined; NO: told to be unconfined */
	enum fact no_new_privileges, readonly_root;
	struct str_list sysctls;      /* "net.ipv4.ip_forward=1" */
	struct str_list networks;     /* names or ids; "host", "none", "bridge" */
	char *runtime;		      /* name of the OCI runtime asked for, NULL = the default */
	char *user;		      /* as given: "", "0", "root", "1000:1000" */
	char *restart_policy;	      /* Docker's name: "always" */
	int64_t memory, pids, cpu_shares; /* limits; 0 = none, pids -1 = none */
	enum fact healthcheck;	      /* FACT_NO: switched off */
	struct str_list env_names;    /* names of the environment, never values */
	struct str_list secret_envs;  /* names among them whose values look like secrets */
	struct str_list ports;	      /* published: "0.0.0.0:80", "127.0.0.1:8080" */
	struct str_list args;	      /* of its first process */
	struct str_list hooks;	      /* OCI hooks: paths run on the host as root */
	bool ulimits;		      /* overridden */
};

void creation_done(struct creation *c);
/* Appends a zeroed mount; NULL = no memory or too many. */
struct mount_fact *creation_add_mount(struct creation *c);
/* Lexically: "//", "." and ".." are gone, absolute, no slash at the end. out has room for one byte more than `from`,
 * and may be `from` itself when that is absolute. */
void creation_path_clean(char *out, const char *from);
/* "cap_sys_admin", "SYS_ADMIN": SYS_ADMIN. "" when every container has it; NULL when it is no name. */
const char *creation_capability(const char *name, char out[64]);
