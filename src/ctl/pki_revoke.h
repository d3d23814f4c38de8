/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the proxy's authority issued and what of it is not good any more. Beside what pki.h names: `issued`, a line
 * "SERIAL NAME" for each certificate of a user, and crl.pem, the list of the revoked ones, signed by the authority.
 */
#pragma once

#include "base/diag.h"
#include "model/record.h"

/* Notes a certificate, so that it can be revoked by its user's name. The caller holds the lock of `dir`. */
int pki_note(const char *dir, const char *name, const char *serial, struct diag *reterr);
/*
 * Revokes every certificate that `name` was issued and has not lost yet; with cert_path that of this file alone,
 * whose user must be `name`. Their serial numbers go to *ret: none, when there was nothing to revoke. All failures
 * with a sentence.
 */
int pki_revoke(const char *dir, const char *name, const char *cert_path, struct str_list *ret, struct diag *reterr);
