/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses are the host's own, so that a container's talk to it is drawn to the host: all that
 * are private, and public ones only of the way out. A public address on a bridge or a dummy interface
 * stands for somebody else (a service address, a test), and is drawn with its country.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "console/console.h"
#include "console/radar.h"

#define FRESH_NS (5 * NSEC_PER_SEC)
#define ADDRESSES_MAX 256

struct hostaddr {
	uint64_t read;
	char uplinks[2][INET6_ADDRSTRLEN]; /* IPv4, IPv6; "" = none */
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

/* The source address of the default route; asking sends no packet. */
static void uplink(int family, char *out)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = {0};
	socklen_t size = family == AF_INET ? sizeof(to.v4) : sizeof(to.v6);
	CLEANUP(fd_close) int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	out[0] = 0;
	to.any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		to.v4.sin_port = htons(9);
		inet_pton(family, "192.0.2.1", &to.v4.sin_addr);
	} else {
		to.v6.sin6_port = htons(9);
		inet_pton(family, "2001:db8::1", &to.v6.sin6_addr);
	}
	if (fd < 0 || connect(fd, &to.any, size) < 0 || getsockname(fd, &to.any, &size) < 0)
		return;
	inet_ntop(family, family == AF_INET ? (void *)&to.v4.sin_addr : (void *)&to.v6.sin6_addr, out, INET6_ADDRSTRLEN);
}

static void add(struct hostaddr *h, const struct sockaddr *sa)
{
	const void *bytes = NULL;

	if (sa && sa->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa && sa->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	if (!bytes || h->count == ADDRESSES_MAX || !inet_ntop(sa->sa_family, bytes, h->addresses[h->count], INET6_ADDRSTRLEN))
		return;
	const char *text = h->addresses[h->count];
	if (radar_is_private(text) || strcmp(text, h->uplinks[0]) == 0 || strcmp(text, h->uplinks[1]) == 0)
		h->count++;
}

bool hostaddr_has(struct hostaddr *h, const char *address)
{
	uint64_t now = time_monotonic();
	struct ifaddrs *all = NULL;

	if ((!h->read || now - h->read > FRESH_NS) && getifaddrs(&all) == 0) {
		h->read = now;
		h->count = 0;
		uplink(AF_INET, h->uplinks[0]);
		uplink(AF_INET6, h->uplinks[1]);
		for (struct ifaddrs *i = all; i; i = i->ifa_next)
			add(h, i->ifa_addr);
		freeifaddrs(all);
	}
	for (uint32_t i = 0; i < h->count; i++)
		if (strcmp(h->addresses[i], address) == 0)
			return true;
	return false;
}
