/* SPDX-License-Identifier: Apache-2.0 */
/* Our file in CRI-O's drop-in folder: see edit.h, and crio_conf.h for why so much stands in it. */
#include "ctl/edit.h"

/* The runtime of the same name, reached through us: what CRI-O made before keeps its name. */
int edit_crio(struct buf *out, bool *ret_gone, const char *text, size_t n, const struct edit *e, struct diag *reterr)
{
	*ret_gone = !(e->set & FEATURE_SHIM);
	if (*ret_gone)
		return 0;
	buf_puts(out, EDIT_MARK "; taken away by 'seawall uninstall shim'.\n"
				"# The last table of a runtime counts whole: each is as it was before this file, and only its\n"
				"# runtime_path is ours. When that is changed, install again.\n");
	for (int i = 0; e->names[i]; i++)
		buf_printf(out, "\n[crio.runtime.runtimes.%s]\nruntime_path = \"%s/%s/seawall-shim\"\n%s", e->names[i],
			e->shim, e->names[i], e->tables[i] ? e->tables[i] : "");
	return out->failed ? diag_msg(reterr, out->failed, "too large") : 0;
}
