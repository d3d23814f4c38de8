/* SPDX-License-Identifier: Apache-2.0 */
/* A key that texts of policies may name. */
#pragma once

/* A public key as YAML and JSON write it in one line. */
#define TEST_KEY                                                                                   \
	"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8nXRh950IZbRj8Ra/N9sbqOPZrfM\\n" \
	"5/KAQN0/KjHcorm/J5yctVd7iEcnessRQjU917hmKO6JWVGHpDguIyakZA==\\n-----END PUBLIC KEY-----\\n"
