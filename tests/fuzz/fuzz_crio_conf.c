/* SPDX-License-Identifier: Apache-2.0 */
/* A file of CRI-O; what is carried over must read the same again, as the table that ours becomes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/crio_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int again(const struct crio_runtime *r, const char *const *names)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	CLEANUP(crio_conf_done) struct crio_conf c = {0};

	buf_printf(&b, "[crio.runtime.runtimes.%s]\nruntime_path = \"/shim\"\n%s", r->name, crio_conf_keys(r));
	crio_conf_init(&c, names);
	if (b.failed || crio_conf_add(&c, "ours", (char *)b.data, b.len, NULL) < 0)
		return -1;
	const struct crio_runtime *ours = strcmp(r->name, names[0]) == 0 ? &c.runtimes[0] : &c.runtimes[1];
	return strcmp(ours->program, "/shim") == 0 && strcmp(crio_conf_keys(ours), crio_conf_keys(r)) == 0 ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"crun", "runc", NULL};
	CLEANUP(crio_conf_done) struct crio_conf c = {0};
	struct diag diag = {0};

	crio_conf_init(&c, names);
	int r = crio_conf_add(&c, "file", (const char *)data, size, &diag);
	if ((r < 0) != (diag.message[0] != 0))
		abort();
	for (int i = 0; r == 0 && i < CRIO_RUNTIMES; i++)
		if (c.runtimes[i].file[0] && again(&c.runtimes[i], names) < 0)
			abort();
	return 0;
}
