/* SPDX-License-Identifier: Apache-2.0 */
/* config.json as a whole: see config.h. The parts are in the files beside. */
#include "oci/config.h"

#include <errno.h>
#include <string.h>

#include "oci/reader.h"

static const char *const hook_kinds[] = {
	"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"};

/* The folders of an engine's root in which root file systems lie. */
static const char *const layer_folders[] = {
	"/overlay2/", "/overlay/", "/fuse-overlayfs/", "/rootfs/", "/vfs/", "/btrfs/", "/zfs/", "/devicemapper/"};

/* root: {path, readonly}. From the path the engine's data root. */
static void read_root(struct oci_reader *r, const struct json *root)
{
	const char *path = oci_text(r, root, "path"), *end = NULL;

	r->c->readonly_root = oci_flag(r, root, "readonly") ? FACT_YES : FACT_NO;
	if (path[0] != '/' || strlen(path) >= sizeof(r->root_room))
		return;
	strcpy(r->root_room, path);
	creation_path_clean(r->root_room, r->root_room);
	for (size_t i = 0; i < ARRAY_SIZE(layer_folders) && !end; i++)
		end = strstr(r->root_room, layer_folders[i]);
	if (end && end != r->root_room) {
		r->root_room[end - r->root_room] = 0;
		r->data_root = r->root_room;
	}
}

/* Docker sets up its network by calling itself back; nobody can ask for that. */
static bool own_hook(struct oci_reader *r, const char *path, const struct json *hook)
{
	const struct json *first = oci_list(r, hook, "args");

	return strcmp(r->from->engine, "docker") == 0 && strncmp(path, "/proc/", 6) == 0 && first &&
	       strcmp(json_str(first, ""), "libnetwork-setkey") == 0;
}

static void read_hooks(struct oci_reader *r, const struct json *hooks)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_kinds); i++)
		for (const struct json *h = oci_list(r, hooks, hook_kinds[i]); h && !r->failed; h = json_next(h)) {
			const char *path = oci_text(r, h, "path");
			if (!own_hook(r, path, h))
				oci_add(r, &r->c->hooks, path, "hooks");
		}
}

static void deduce_privileged(struct oci_reader *r)
{
	bool all = r->all_devices && r->capabilities >= 36 && r->c->seccomp == FACT_NO;

	r->c->privileged = all ? FACT_YES : FACT_NO;
}

static void read_all(struct oci_reader *r, const struct json *root)
{
	if (!json_is_object(root)) {
		oci_fail(r, -EBADMSG, "it is not an object");
		return;
	}
	oci_set(r, &r->c->id, r->from->id);
	read_root(r, oci_object(r, root, "root"));
	oci_read_identity(r, oci_object(r, root, "annotations"));
	oci_read_process(r, oci_object(r, root, "process"));
	oci_read_isolation(r, oci_object(r, root, "linux"));
	oci_read_mounts(r, root);
	read_hooks(r, oci_object(r, root, "hooks"));
	deduce_privileged(r);
}

int oci_read_config(struct creation *ret, const struct oci_source *from, const char *text, size_t n,
	char why[OCI_WHY_MAX])
{
	CLEANUP(json_free) struct json *root = NULL;
	struct diag diag = {0};
	struct oci_reader r = {.c = ret, .from = from, .why = why, .data_root = ""};

	why[0] = 0;
	if (n > OCI_CONFIG_MAX)
		return oci_fail(&r, -E2BIG, "config.json is larger than %u bytes", OCI_CONFIG_MAX);
	int error = json_parse(&root, text, n, &diag);
	if (error < 0)
		return oci_fail(&r, error, "config.json: line %u, column %u: %.120s", diag.line, diag.column, diag.message);
	read_all(&r, root);
	return r.failed;
}
