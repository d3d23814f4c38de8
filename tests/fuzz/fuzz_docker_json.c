/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Docker's JSON: the first byte chooses what the rest is. Odd: an event stream, cut into pieces
 * whose size the same byte gives. Even: an answer to inspect and an image. Nothing is asked of an
 * engine: no socket ever comes.
 */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/docker.h"
#include "runtime/docker_json.h"

static void on_anything(void *ctx, struct runtime *rt)
{
}

static void on_stopped(void *ctx, struct runtime *rt, uint64_t seq, int error, const char *message)
{
}

static void stream(const uint8_t *data, size_t n, size_t piece)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(runtime_free) struct runtime *rt = NULL;
	struct runtime_config config = {.kind = RUNTIME_DOCKER,
		.socket = "fuzz",
		.listener = {on_anything, on_anything, on_anything, NULL, on_stopped, NULL}};
	const struct container *c;

	if (loop_new(&loop) < 0)
		abort();
	config.loop = loop;
	if (runtime_new(&rt, &config) < 0 || loop_run_once(loop, 1000) < 0 || !rt->client)
		abort();
	for (size_t at = 0; at < n; at += piece)
		docker_stream(rt->engine, data + at, n - at < piece ? n - at : piece);
	while ((c = runtime_take(rt)))
		if (!inventory_id_ok(c->id))
			abort();
}

static void objects(const char *text, size_t n)
{
	CLEANUP(json_free) struct json *root = NULL;
	CLEANUP(docker_images_free) struct docker_images *images = NULL;
	struct inventory_entry e = {0};
	struct docker_restart restart;
	const char *id;

	if (json_parse(&root, text, n, NULL) < 0 || docker_images_new(&images) < 0)
		return;
	docker_json_inspect(root, &e, true);
	docker_json_restart(root, &restart);
	docker_images_put(images, root);
	docker_images_resolve(images, &e);
	if (docker_json_item_id(root, &id) == 0)
		docker_json_item(root, &e);
	if (e.container.labels.count > INVENTORY_LABELS_MAX ||
		e.container.addresses.count > INVENTORY_LIST_MAX)
		abort();
	record_done(&container_desc, &e.container);
	free(e.image_ref);
	free(e.image_id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] & 1)
		stream(data + 1, size - 1, data[0]);
	else
		objects((const char *)data + 1, size - 1);
	return 0;
}
