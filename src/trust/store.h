/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature objects that were imported on this host, for images whose registry has none or cannot
 * be reached: a directory with one file of evidence for each digest, written whole or not at all.
 */
#pragma once

#include "trust/evidence.h"
#include "trust/layout.h"

/* Adds what the store has about the digest. 0 also when it has nothing; -EBADMSG: a broken file. */
int store_read(const char *dir, const char *digest, struct trust_evidence *e);
/* Adds to what it has. Makes the directory. */
int store_add(const char *dir, const char *digest, const struct trust_evidence *e);

struct store_import {
	unsigned images, signatures;
};

/*
 * Every signature object of a layout, under the digest that it is about and under those of an index
 * that it is about. -errno with a sentence.
 */
int store_import_layout(const char *dir, struct layout *l, struct store_import *ret, struct diag *reterr);
