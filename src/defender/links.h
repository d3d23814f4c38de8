/* SPDX-License-Identifier: Apache-2.0 */
/* The two connections: to the Console (ours) and from the Gate (theirs). One table of handlers each. */
#pragma once

struct defender;

int links_open(struct defender *d);
void links_close(struct defender *d);
