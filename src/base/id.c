/* SPDX-License-Identifier: Apache-2.0 */
/* 48 bits of time, 80 of chance, 5 to a character: sorts by time, collides never. See id.h. */
#include "base/id.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

void id_make(uint64_t wall_ns, char out[ID_SIZE])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t ms = wall_ns / NSEC_PER_MSEC;
	uint8_t chance[10] = {0};

	if (getrandom(chance, sizeof(chance), GRND_NONBLOCK) < 0)
		memcpy(chance, &wall_ns, sizeof(wall_ns));
	for (int i = 9; i >= 0; i--, ms >>= 5)
		out[i] = digits[ms & 31];
	for (int i = 0; i < 16; i++) {
		unsigned bit = (unsigned)i * 5, at = bit / 8;
		unsigned two = (unsigned)chance[at] << 8 | (at + 1 < sizeof(chance) ? chance[at + 1] : 0u);
		out[10 + i] = digits[(two >> (11 - bit % 8)) & 31];
	}
	out[ID_SIZE - 1] = 0;
}
