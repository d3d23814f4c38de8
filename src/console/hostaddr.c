/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are the host's own, so that a container's talk to it is drawn to the host. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "console/console.h"

#define FRESH_NS (5 * NSEC_PER_SEC)
#define ADDRESSES_MAX 256

struct hostaddr {
	uint64_t read;
	uint32_t count;
	char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
};

int hostaddr_new(struct hostaddr **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct hostaddr *hostaddr_free(struct hostaddr *h)
{
	free(h);
	return NULL;
}

static void add(struct hostaddr *h, const struct sockaddr *sa)
{
	const void *bytes = NULL;

	if (sa && sa->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa && sa->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	if (bytes && h->count < ADDRESSES_MAX && inet_ntop(sa->sa_family, bytes, h->addresses[h->count], INET6_ADDRSTRLEN))
		h->count++;
}

bool hostaddr_has(struct hostaddr *h, const char *address)
{
	uint64_t now = time_monotonic();
	struct ifaddrs *all = NULL;

	if ((!h->read || now - h->read > FRESH_NS) && getifaddrs(&all) == 0) {
		h->read = now;
		h->count = 0;
		for (struct ifaddrs *i = all; i; i = i->ifa_next)
			add(h, i->ifa_addr);
		freeifaddrs(all);
	}
	for (uint32_t i = 0; i < h->count; i++)
		if (strcmp(h->addresses[i], address) == 0)
			return true;
	return false;
}
