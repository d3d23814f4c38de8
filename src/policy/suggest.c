/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance for suggestions: see suggest.h. */
#include "policy/suggest.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 63 /* longer words get no suggestion */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Optimal string alignment: insert, delete, replace, and swap of neighbours cost one each. */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned rows[3][WORD_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i - 1) % 3],
			 *earlier = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned cost = tolower((unsigned char)a[i - 1]) !=
					tolower((unsigned char)b[j - 1]);

			now[j] = least(before[j] + 1, now[j - 1] + 1, before[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				earlier[j - 2] + 1 < now[j])
				now[j] = earlier[j - 2] + 1;
		}
	}
	return rows[n % 3][m];
}

void suggestion_offer(struct suggestion *s, const char *known)
{
	size_t n = strlen(s->word), m = strlen(known);

	if (n == 0 || m == 0 || n > WORD_MAX || m > WORD_MAX)
		return;
	unsigned d = distance(s->word, n, known, m);
	unsigned limit = (unsigned)(m > n ? m : n) / 3 + 1;
	if (d <= limit && d < s->distance) {
		s->distance = d;
		s->best = known;
	}
}
