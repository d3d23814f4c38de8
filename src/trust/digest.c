/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and base64: see digest.h. */
#include "trust/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/parse.h"

static const char algorithm[] = "sha256:";
#define HEX_SIZE 64

bool digest_valid(const char *text)
{
	if (!text || !str_has_prefix(text, algorithm))
		return false;
	text += sizeof(algorithm) - 1;
	return strspn(text, "0123456789abcdef") == HEX_SIZE && text[HEX_SIZE] == 0;
}

int digest_of(const void *p, size_t n, char out[DIGEST_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size;

	if (!EVP_Digest(p, n, hash, &size, EVP_sha256(), NULL) || size != HEX_SIZE / 2)
		return -EIO;
	memcpy(out, algorithm, sizeof(algorithm) - 1);
	for (unsigned i = 0; i < size; i++)
		snprintf(out + sizeof(algorithm) - 1 + 2 * i, 3, "%02x", hash[i]);
	return 0;
}

bool digest_fits(const char *digest, const void *p, size_t n)
{
	char real[DIGEST_SIZE];

	return digest_of(p, n, real) == 0 && strcmp(real, digest) == 0;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int base64_value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

int base64_decode(const char *text, size_t n, struct buf *out)
{
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	if (n % 4)
		return -EBADMSG;
	for (size_t i = 0; i < n; i += 4) {
		bool last = i + 4 == n;
		int pad = last && text[i + 3] == '=' ? 1 + (text[i + 2] == '=') : 0;
		uint32_t bits = 0;

		for (int k = 0; k < 4 - pad; k++) {
			int v = base64_value(text[i + (size_t)k]);
			if (v < 0)
				return -EBADMSG;
			bits |= (uint32_t)v << (18 - 6 * k);
		}
		/* One text for one value: bits that say nothing must be zero. */
		if ((pad == 1 && bits & 0xff) || (pad == 2 && bits & 0xffff))
			return -EBADMSG;
		for (int k = 0; k < 3 - pad; k++)
			buf_put_u8(out, (uint8_t)(bits >> (16 - 8 * k)));
	}
	return out->failed;
}

void base64_encode(const void *p, size_t n, struct buf *out)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t bits = (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
				(left > 2 ? b[i + 2] : 0);

		buf_putc(out, alphabet[bits >> 18]);
		buf_putc(out, alphabet[bits >> 12 & 63]);
		buf_putc(out, left > 1 ? alphabet[bits >> 6 & 63] : '=');
		buf_putc(out, left > 2 ? alphabet[bits & 63] : '=');
	}
}
