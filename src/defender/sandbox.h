/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls the Defender may still make once everything is attached and open. */
#pragma once

int sandbox_enter(void);
