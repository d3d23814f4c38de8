/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys in policies: a file keeps `key: cosign.pub` short, the Console and the Gate want the key
 * itself. Here the one becomes the other, before a policy is checked or sent.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"

/*
 * Replaces, in a YAML or JSON text, the value of each `trust.groups[].signatures[].key` that is no PEM
 * text by the content of the file of that name, looked for beside `file` ("-": where we are), and sees
 * to it that all of them are public keys. 0; -EINVAL with place and sentence (text untouched);
 * -ENOMEM. A text that is no policy, or broken, is left as it is: others say so.
 */
int policy_keys_inline(struct buf *text, const char *file, struct diag *reterr);
