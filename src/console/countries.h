/* SPDX-License-Identifier: Apache-2.0 */
/* English names of the countries of ISO 3166-1. */
#pragma once

/* The name of a code of two letters; the code itself when it is none. */
const char *country_name(const char *code);
/* The table's own text of the code, for good; NULL when there is no such country. */
const char *country_code(const char *code);
