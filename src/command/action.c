/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all endpoints of the Engine API v1.24 to v1.5x, and how a path finds its row. The
 * patterns are those of dockerd's router (gorilla/mux): a name there may have slashes where the
 * pattern says `.*`. Rows stand in the order in which dockerd registers them where two could match.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "command/internal.h"

#define R COMMAND_READ_ONLY
#define D COMMAND_DANGEROUS
#define B COMMAND_BODY
#define M COMMAND_BODY_MAYBE
#define S COMMAND_STREAMS
#define H COMMAND_HIJACKS
#define U COMMAND_BUILDS

const struct command_action command_actions[] = {
	/* containers */
	{"GET", "/containers/json", "container_list", R, NULL, "list containers"},
	{"POST", "/containers/create", "container_create", D | B, read_container_create, "create a container"},
	{"POST", "/containers/prune", "container_prune", 0, NULL, "remove stopped containers"},
	{"GET", "/containers/{name*}/checkpoints", "container_checkpoint_list", R, NULL, "list checkpoints"},
	{"POST", "/containers/{name*}/checkpoints", "container_checkpoint_create", D | B, read_checkpoint_create, "freeze a container into files"},
	{"DELETE", "/containers/{name}/checkpoints/{checkpoint}", "container_checkpoint_delete", 0, NULL, "delete a checkpoint"},
	{"GET", "/containers/{name*}/json", "container_inspect", R, NULL, "show a container"},
	{"GET", "/containers/{name*}/top", "container_top", R, NULL, "list processes"},
	{"GET", "/containers/{name*}/logs", "container_logs", R, NULL, "read the output"},
	{"GET", "/containers/{name*}/changes", "container_changes", R, NULL, "list changed files"},
	{"GET", "/containers/{name*}/export", "container_export", R, NULL, "read all files as an archive"},
	{"GET", "/containers/{name*}/stats", "container_stats", R, NULL, "watch use of resources"},
	{"GET", "/containers/{name*}/archive", "container_archive", R, NULL, "read files as an archive"},
	{"PUT", "/containers/{name*}/archive", "container_archive_put", D | S, NULL, "write files into a container"},
	{"POST", "/containers/{name*}/copy", "container_copy", 0, NULL, "read files (old form)"},
	{"POST", "/containers/{name*}/resize", "container_resize", 0, NULL, "resize the terminal"},
	{"POST", "/containers/{name*}/start", "container_start", M, read_container_start, "start a container"},
	{"POST", "/containers/{name*}/stop", "container_stop", 0, NULL, "stop a container"},
	{"POST", "/containers/{name*}/restart", "container_restart", 0, NULL, "restart a container"},
	{"POST", "/containers/{name*}/kill", "container_kill", 0, NULL, "send a signal"},
	{"POST", "/containers/{name*}/update", "container_update", D | B, read_container_update, "change limits and restart policy"},
	{"POST", "/containers/{name*}/rename", "container_rename", 0, NULL, "rename a container"},
	{"POST", "/containers/{name*}/pause", "container_pause", 0, NULL, "pause a container"},
	{"POST", "/containers/{name*}/unpause", "container_unpause", 0, NULL, "go on after a pause"},
	{"POST", "/containers/{name*}/attach", "container_attach", D | H, NULL, "input and output of the first process"},
	{"GET", "/containers/{name*}/attach/ws", "container_attach_websocket", D | H, NULL, "the same over a websocket"},
	{"POST", "/containers/{name*}/wait", "container_wait", R, NULL, "wait for the end"},
	{"DELETE", "/containers/{name*}", "container_delete", 0, NULL, "remove a container"},
	{"POST", "/commit", "container_commit", M, read_commit, "make an image of a container"},
	/* exec */
	{"POST", "/containers/{name*}/exec", "container_exec_create", D | B, read_exec_create, "prepare a process in a container"},
	{"POST", "/exec/{name*}/start", "container_exec_start", D | H, NULL, "start a prepared process"},
	{"POST", "/exec/{name*}/resize", "container_exec_resize", 0, NULL, "resize its terminal"},
	{"GET", "/exec/{name*}/json", "container_exec_inspect", R, NULL, "show a prepared process"},
	/* images */
	{"GET", "/images/json", "image_list", R, NULL, "list images"},
	{"GET", "/images/search", "image_search", R, NULL, "search the hub"},
	{"GET", "/images/get", "image_export_many", R, NULL, "read images as an archive"},
	{"POST", "/images/create", "image_create", D | S, read_image_create, "pull (fromImage) or import (fromSrc) an image"},
	{"POST", "/images/load", "image_load", D | S, NULL, "load images from an archive"},
	{"POST", "/images/prune", "image_prune", 0, NULL, "remove unused images"},
	{"GET", "/images/{name*}/get", "image_export", R, read_image_named, "read an image as an archive"},
	{"GET", "/images/{name*}/history", "image_history", R, read_image_named, "show the layers"},
	{"GET", "/images/{name*}/json", "image_inspect", R, read_image_named, "show an image"},
	{"GET", "/images/{name*}/attestations", "image_attestations", R, read_image_named, "show attestations"},
	{"POST", "/images/{name*}/push", "image_push", 0, read_image_named, "push an image"},
	{"POST", "/images/{name*}/tag", "image_tag", 0, read_image_tag, "give an image another name"},
	{"DELETE", "/images/{name*}", "image_delete", 0, read_image_named, "remove an image"},
	{"POST", "/build", "image_build", D | S, read_image_build, "build an image"},
	{"POST", "/build/prune", "build_prune", 0, NULL, "empty the build cache"},
	{"POST", "/build/cancel", "build_cancel", 0, NULL, "stop a build"},
	{"GET", "/distribution/{name*}/json", "distribution_inspect", R, read_image_named, "ask a registry for an image"},
	/* networks */
	{"GET", "/networks", "network_list", R, NULL, "list networks"},
	{"GET", "/networks/", "network_list", R, NULL, "list networks"},
	{"POST", "/networks/create", "network_create", B, read_network_create, "create a network"},
	{"POST", "/networks/prune", "network_prune", 0, NULL, "remove unused networks"},
	{"POST", "/networks/{id*}/connect", "network_connect", B, read_network_connect, "connect a container"},
	{"POST", "/networks/{id*}/disconnect", "network_disconnect", B, read_network_connect, "disconnect a container"},
	{"GET", "/networks/{id*}", "network_inspect", R, read_network_named, "show a network"},
	{"DELETE", "/networks/{id*}", "network_delete", 0, read_network_named, "remove a network"},
	/* volumes */
	{"GET", "/volumes", "volume_list", R, NULL, "list volumes"},
	{"POST", "/volumes/create", "volume_create", D | B, read_volume_create, "create a volume"},
	{"POST", "/volumes/prune", "volume_prune", 0, NULL, "remove unused volumes"},
	{"GET", "/volumes/{name*}", "volume_inspect", R, NULL, "show a volume"},
	{"PUT", "/volumes/{name*}", "volume_update", 0, NULL, "change a cluster volume"},
	{"DELETE", "/volumes/{name*}", "volume_delete", 0, NULL, "remove a volume"},
	/* plugins */
	{"GET", "/plugins", "plugin_list", R, NULL, "list plugins"},
	{"GET", "/plugins/privileges", "plugin_privileges", R, NULL, "show what a plugin would ask for"},
	{"POST", "/plugins/pull", "plugin_pull", D | B, read_plugin_pull, "install a plugin"},
	{"POST", "/plugins/create", "plugin_create", D | S, read_query_name, "make a plugin of an archive"},
	{"GET", "/plugins/{name*}/json", "plugin_inspect", R, NULL, "show a plugin"},
	{"POST", "/plugins/{name*}/enable", "plugin_enable", D, NULL, "start a plugin"},
	{"POST", "/plugins/{name*}/disable", "plugin_disable", D, NULL, "stop a plugin"},
	{"POST", "/plugins/{name*}/upgrade", "plugin_upgrade", D | B, read_plugin_pull, "replace a plugin"},
	{"POST", "/plugins/{name*}/push", "plugin_push", 0, NULL, "push a plugin"},
	{"POST", "/plugins/{name*}/set", "plugin_set", D | B, read_plugin_set, "change a plugin's settings"},
	{"DELETE", "/plugins/{name*}", "plugin_delete", D, NULL, "remove a plugin"},
	/* the engine */
	{"GET", "/_ping", "system_ping", R, NULL, "is it there"},
	{"GET", "/info", "system_info", R, NULL, "about the engine"},
	{"GET", "/version", "system_version", R, NULL, "its version"},
	{"GET", "/events", "system_events", R, NULL, "watch what happens"},
	{"GET", "/system/df", "system_df", R, NULL, "use of the disk"},
	{"POST", "/auth", "system_auth", S, NULL, "try credentials of a registry"},
	{"POST", "/session", "session", D | H | U, NULL, "a builder's connection back to its client: files and secrets of a build that is not seen"},
	{"POST", "/grpc", "grpc", D | H | U, NULL, "the builder's own interface: what it asks for is not seen"},
	{"GET", "/debug/vars", "debug", 0, NULL, "insides of the engine"},
	{"GET", "/debug/pprof/", "debug", 0, NULL, "insides of the engine"},
	{"GET", "/debug/pprof/{name}", "debug", 0, NULL, "insides of the engine"},
	/* swarm */
	{"GET", "/swarm", "swarm_inspect", R, NULL, "show the swarm"},
	{"GET", "/swarm/unlockkey", "swarm_unlock_key", D, NULL, "read the key of the managers' store"},
	{"POST", "/swarm/init", "swarm_init", D, NULL, "make a swarm"},
	{"POST", "/swarm/join", "swarm_join", D, NULL, "join a swarm: its managers command this host"},
	{"POST", "/swarm/leave", "swarm_leave", D, NULL, "leave the swarm"},
	{"POST", "/swarm/update", "swarm_update", D, NULL, "change the swarm"},
	{"POST", "/swarm/unlock", "swarm_unlock", D, NULL, "unlock a manager"},
	{"GET", "/nodes", "node_list", R, NULL, "list nodes"},
	{"GET", "/nodes/{id}", "node_inspect", R, NULL, "show a node"},
	{"POST", "/nodes/{id}/update", "node_update", D, NULL, "change a node"},
	{"DELETE", "/nodes/{id}", "node_delete", D, NULL, "remove a node"},
	{"GET", "/services", "service_list", R, NULL, "list services"},
	{"POST", "/services/create", "service_create", D | B, read_service, "create a service"},
	{"GET", "/services/{id}", "service_inspect", R, NULL, "show a service"},
	{"GET", "/services/{id}/logs", "service_logs", R, NULL, "read a service's output"},
	{"POST", "/services/{id}/update", "service_update", D | B, read_service, "change a service"},
	{"DELETE", "/services/{id}", "service_delete", 0, NULL, "remove a service"},
	{"GET", "/tasks", "task_list", R, NULL, "list tasks"},
	{"GET", "/tasks/{id}", "task_inspect", R, NULL, "show a task"},
	{"GET", "/tasks/{id}/logs", "task_logs", R, NULL, "read a task's output"},
	{"GET", "/secrets", "secret_list", R, NULL, "list secrets"},
	{"POST", "/secrets/create", "secret_create", B, read_named_body, "store a secret"},
	{"GET", "/secrets/{id}", "secret_inspect", R, NULL, "show a secret's name and labels"},
	{"POST", "/secrets/{id}/update", "secret_update", 0, NULL, "change a secret's labels"},
	{"DELETE", "/secrets/{id}", "secret_delete", 0, NULL, "remove a secret"},
	{"GET", "/configs", "config_list", R, NULL, "list configs"},
	{"POST", "/configs/create", "config_create", B, read_named_body, "store a config"},
	{"GET", "/configs/{id}", "config_inspect", R, NULL, "show a config"},
	{"POST", "/configs/{id}/update", "config_update", 0, NULL, "change a config's labels"},
	{"DELETE", "/configs/{id}", "config_delete", 0, NULL, "remove a config"},
	{"OPTIONS", "/{any*}", "options", R, NULL, "CORS"},
};
const size_t command_action_count = ARRAY_SIZE(command_actions);

const struct command_action command_unknown = {
	"", "", "unknown", COMMAND_DANGEROUS, NULL, "an endpoint that this version of Seawall does not know"};

/*
 * Whether the path fits; *from and *size: what stood for the first {name}. A name with slashes is at
 * most one in a pattern, and what follows it is literal, so that it reaches exactly to that.
 */
static bool fits(const char *pattern, const char *path, size_t *from, size_t *size)
{
	const char *start = path;
	bool first = true;

	*from = *size = 0;
	while (*pattern) {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		const char *close = strchr(pattern, '}');
		bool slashes = close[-1] == '*';
		const char *rest = close + 1;
		size_t n = slashes ? strlen(path) : strcspn(path, "/");
		if (slashes && n < strlen(rest))
			return false;
		n -= slashes ? strlen(rest) : 0;
		if (n == 0 && !(slashes && pattern[1] == 'a'))
			return false;
		if (first) {
			*from = (size_t)(path - start);
			*size = n;
		}
		first = false;
		path += n;
		pattern = rest;
	}
	return *path == 0;
}

static const struct command_action *row_of(const char *method, const char *path, size_t *from, size_t *size)
{
	for (size_t i = 0; i < command_action_count; i++)
		if (strcmp(command_actions[i].method, method) == 0 && fits(command_actions[i].path, path, from, size))
			return &command_actions[i];
	return &command_unknown;
}

/* A slash that was sent as %2F is a part of a name, or it is a trick. */
int action_find(const struct command_action **ret, const char *method, const struct command_uri *u, char **target)
{
	size_t from = 0, size = 0, other_from = 0, other_size = 0;

	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	const struct command_action *row = row_of(method, u->path, &from, &size);
	const struct command_action *other = row_of(method, u->marked, &other_from, &other_size);
	if (row != other || from != other_from || size != other_size)
		return -EBADMSG;
	*target = NULL;
	if (size > 0) {
		*target = strndup(u->path + from, size);
		if (!*target)
			return -ENOMEM;
	}
	*ret = row;
	return 0;
}
