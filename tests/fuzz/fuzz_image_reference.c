/* SPDX-License-Identifier: Apache-2.0 */
/* Image names: the canonical form is one of its own, and what is taken apart can be put together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/image.h"
#include "policy/policy.h"
#include "trust/reference.h"

static void check_reference(const char *name)
{
	struct reference one, two;
	char text[REFERENCE_TEXT_MAX + 64], whole[sizeof(text) + 256];

	if (reference_parse(name, &one, NULL) < 0)
		return;
	reference_name(&one, text, sizeof(text));
	snprintf(whole, sizeof(whole), "%s%s%s%s%s", text, *one.tag ? ":" : "", one.tag, *one.digest ? "@" : "", one.digest);
	if (reference_parse(whole, &two, NULL) < 0 || strcmp(one.registry, two.registry) != 0 || strcmp(one.repository, two.repository) != 0 ||
		strcmp(one.tag, two.tag) != 0 || strcmp(one.digest, two.digest) != 0)
		abort();
	/* What goes into a URL. */
	if (strpbrk(text, " ?#%\\\"'\n") || strstr(text, "//") || strstr(text, "/../"))
		abort();
	registry_is_loopback(one.registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char once[IMAGE_NAME_MAX], twice[IMAGE_NAME_MAX], familiar[IMAGE_NAME_MAX];
	struct image_names names;
	char *name = strndup((const char *)data, size);

	if (!name)
		return 0;
	check_reference(name);
	image_canonical(name, once, sizeof(once));
	image_canonical(once, twice, sizeof(twice));
	if (strlen(name) < REFERENCE_TEXT_MAX && strcmp(once, twice) != 0)
		abort();
	image_familiar(once, familiar, sizeof(familiar));
	image_names_init(&names, name);
	if (names.count > ARRAY_SIZE(names.texts) || !image_names_match(&names, "*"))
		abort();
	free(name);
	return 0;
}
