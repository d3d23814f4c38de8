/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the functions that have bitten everybody into compile errors. Included by base/str.h. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef strcpy
#undef strcat
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef gets
#pragma GCC poison strcpy strcat strncat sprintf vsprintf strtok gets atoi atol atoll
