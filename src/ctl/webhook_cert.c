/* SPDX-License-Identifier: Apache-2.0 */
/* Making and renewing it: see webhook_cert.h. */
#include "ctl/webhook_cert.h"

#include <errno.h>
#include <stdlib.h>

#include "ctl/pki.h"
#include "ctl/state.h"

#define SERVICE WEBHOOK_NAME "." WEBHOOK_NAMESPACE ".svc"

int webhook_cert(const struct str_list *hosts, bool *ret_made, struct diag *reterr)
{
	CLEANUP(str_list_done) struct str_list all = {0};
	struct pki_made made = {0};
	char pki[PATH_MAX];
	int r = str_list_add(&all, SERVICE);

	for (uint32_t i = 0; i < hosts->count && r == 0; i++)
		r = str_list_add(&all, hosts->items[i]);
	if (r == 0)
		r = pki_server(state_path("pki", pki), WEBHOOK_CERT_FILE, &all, &made, reterr);
	if (r == 0)
		*ret_made = made.proxy;
	return r;
}

int webhook_renew(struct diag *reterr)
{
	const char *address = getenv("SEAWALL_WEBHOOK");
	bool made;

	return address && *address ? webhook_cert(&(struct str_list){0}, &made, reterr) : 0;
}
