/* SPDX-License-Identifier: Apache-2.0 */
/* Command line and environment of seawall-defender. */
#pragma once

#include "defender/defender.h"

/* Fills config (strings borrowed from argv, the environment or static memory). 0 = go on; 1 = --help
 * or --version was answered; -EINVAL with the reason in reterr. */
int options_parse(struct defender_config *config, int argc, char **argv, struct diag *reterr);
