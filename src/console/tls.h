/* SPDX-License-Identifier: Apache-2.0 */
/* The Console's own certificate: self-signed, made once, pinned by the command line. */
#pragma once

#include "base/buf.h"
#include "base/diag.h"

/* Reads cert.pem and key.pem of `dir`, making both first when either is missing. */
int tls_ensure(const char *dir, struct buf *cert, struct buf *key, struct diag *reterr);
