/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who asks: sessions by cookie, tokens by header. Passwords are kept as Argon2id; sessions and
 * tokens are 256 random bits, so a plain hash of them is enough. A name or address that fails too
 * often waits.
 */
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "api/internal.h"
#include "base/clock.h"
#include "base/parse.h"

#define SESSION_COOKIE "seawall_session"
#define SESSION_SECONDS (12 * 3600)
#define PASSWORD_MIN 12
#define PASSWORD_MAX 512
#define LOGIN_FAILURES_MAX 8.0 /* of one name */
#define LOGIN_FAILURES_ADDRESS_MAX 40.0 /* many people may share one */
#define LOGIN_LEAK_PER_SECOND 0.1
/* 19 MiB and two passes: about 30 ms, during which the loop stands still. */
#define ARGON_MEMORY (19u << 20)
#define ARGON_PASSES 2

int api_crypto_start(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void api_secret_make(char out[API_SECRET_SIZE])
{
	uint8_t random[32];

	randombytes_buf(random, sizeof(random));
	sodium_bin2base64(out, API_SECRET_SIZE, random, sizeof(random), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(random, sizeof(random));
}

void api_secret_hash(const char *secret, uint8_t out[STORE_HASH_SIZE])
{
	crypto_generichash(out, STORE_HASH_SIZE, (const uint8_t *)secret, strlen(secret), NULL, 0);
}

int api_password_hash(const char *password, char out[192])
{
	static_assert(crypto_pwhash_STRBYTES <= 192, "struct store_user holds it");
	return crypto_pwhash_str(out, password, strlen(password), ARGON_PASSES, ARGON_MEMORY) == 0 ? 0 : -ENOMEM;
}

bool api_password_matches(const struct store_user *u, const char *password)
{
	return strlen(password) <= PASSWORD_MAX && crypto_pwhash_str_verify(u->hash, password, strlen(password)) == 0;
}

int api_password_check(const char *password, struct diag *reterr)
{
	size_t n = strlen(password);

	if (n >= PASSWORD_MIN && n <= PASSWORD_MAX)
		return 0;
	return diag_msg(reterr, -EINVAL, "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX);
}

/* --- rate limit --- */

static uint64_t slot_key(const char *kind, const char *text)
{
	uint64_t key = 1469598103934665603ull; /* FNV-1a */

	for (; *kind; kind++)
		key = (key ^ (uint8_t)*kind) * 1099511628211ull;
	for (; *text; text++)
		key = (key ^ (uint8_t)*text) * 1099511628211ull;
	return key ? key : 1;
}

/* The slot of a key; of a full table the one that was idle longest. */
static struct api_login_slot *slot_get(struct api *a, uint64_t key)
{
	struct api_login_slot *oldest = &a->logins[0];
	uint64_t now = time_monotonic();

	for (size_t i = 0; i < API_LOGIN_SLOTS; i++) {
		struct api_login_slot *s = &a->logins[i];
		if (s->key == key) {
			double leaked = (double)(now - s->seen) / NSEC_PER_SEC * LOGIN_LEAK_PER_SECOND;
			s->failures = s->failures > leaked ? s->failures - leaked : 0;
			s->seen = now;
			return s;
		}
		if (s->seen < oldest->seen)
			oldest = s;
	}
	*oldest = (struct api_login_slot){.key = key, .seen = now};
	return oldest;
}

/* --- requests --- */

static bool cookie_user(struct api *a, struct http_request *q, struct store_user *ret)
{
	const char *secret = http_cookie(q, SESSION_COOKIE);
	uint8_t hash[STORE_HASH_SIZE];

	if (!secret || strlen(secret) >= API_SECRET_SIZE)
		return false;
	api_secret_hash(secret, hash);
	return store_session_get(a->config.store, hash, time_now(), ret) == 0;
}

static bool token_user(struct api *a, struct http_request *q, struct store_user *ret)
{
	const char *authorization = http_header(q, "Authorization");
	uint8_t hash[STORE_HASH_SIZE];

	if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0 || strlen(authorization) > 256)
		return false;
	api_secret_hash(authorization + 7, hash);
	return store_token_get(a->config.store, hash, ret) == 0;
}

void api_authenticate(void *ctx, struct http_request *q)
{
	struct store_user u = {0};
	bool token = token_user(ctx, q, &u);

	if (token || cookie_user(ctx, q, &u))
		http_set_user(q, u.name, strcmp(u.role, "admin") == 0 ? HTTP_ADMIN : HTTP_VIEWER, !token);
}

static void reply_me(struct http_request *q, const char *user, const char *role)
{
	struct buf b = BUF_INIT(4096);

	buf_putc(&b, '{');
	json_put_key(&b, "user");
	json_put_str(&b, user);
	json_put_key(&b, "role");
	json_put_str(&b, role);
	buf_putc(&b, '}');
	http_reply_json(q, MHD_HTTP_OK, &b);
}

static void set_cookie(struct api *a, struct http_request *q, const char *secret, int seconds)
{
	char cookie[256];

	snprintf(cookie, sizeof(cookie), SESSION_COOKIE "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", secret,
		seconds, a->config.secure ? "; Secure" : "");
	http_set_header(q, "Set-Cookie", cookie);
}

static int session_begin(struct api *a, struct http_request *q, const char *user)
{
	char secret[API_SECRET_SIZE];
	uint8_t hash[STORE_HASH_SIZE];

	api_secret_make(secret);
	api_secret_hash(secret, hash);
	int r = store_session_put(a->config.store, hash, user, time_now() + SESSION_SECONDS * NSEC_PER_SEC);
	if (r == 0)
		r = store_commit(a->config.store);
	if (r == 0)
		set_cookie(a, q, secret, SESSION_SECONDS);
	return r;
}

void api_login(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	CLEANUP(json_free) struct json *body = api_body_object(q);
	struct store_user u = {0};

	if (!body)
		return;
	const char *name = json_get_str(body, "user", ""), *password = json_get_str(body, "password", "");
	/* Two slots: neither many names from one place nor one name from many places. */
	const uint64_t keys[] = {slot_key("address:", http_client(q)), slot_key("user:", name)};
	const double most[] = {LOGIN_FAILURES_ADDRESS_MAX, LOGIN_FAILURES_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (slot_get(a, keys[i])->failures >= most[i]) {
			http_set_header(q, "Retry-After", "30");
			http_problem(q, MHD_HTTP_TOO_MANY_REQUESTS, NULL, "too many failed logins: wait a little");
			return;
		}
	int r = store_user_get(a->config.store, name, &u);
	if (r < 0) {
		api_store_problem(q, r);
		return;
	}
	if (r == STORE_E_NOT_FOUND || !api_password_matches(&u, password)) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			slot_get(a, keys[i])->failures += 1;
		api_audit_admin(a, name, http_client(q), "failed to log in");
		http_problem(q, MHD_HTTP_UNAUTHORIZED, NULL, "user or password is wrong");
		return;
	}
	slot_get(a, keys[1])->failures = 0;
	r = session_begin(a, q, u.name);
	if (r < 0) {
		api_store_problem(q, r);
		return;
	}
	api_audit_admin(a, u.name, http_client(q), "logged in");
	reply_me(q, u.name, u.role);
}

void api_logout(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	const char *secret = http_cookie(q, SESSION_COOKIE);
	uint8_t hash[STORE_HASH_SIZE];

	if (secret) {
		api_secret_hash(secret, hash);
		store_session_delete(a->config.store, hash);
		if (!api_commit(a, q))
			return;
	}
	set_cookie(a, q, "", 0);
	http_reply(q, MHD_HTTP_NO_CONTENT, NULL, NULL);
}

void api_me(void *ctx, struct http_request *q)
{
	(void)ctx;
	reply_me(q, http_user(q), http_role(q) == HTTP_ADMIN ? "admin" : "viewer");
}

void api_set_password(void *ctx, struct http_request *q)
{
	struct api *a = ctx;
	CLEANUP(json_free) struct json *body = api_body_object(q);
	struct store_user u = {0};
	struct diag d = {0};

	if (!body)
		return;
	const char *new_password = json_get_str(body, "new", "");
	int r = store_user_get(a->config.store, http_user(q), &u);
	if (r != 0) { /* a token has no password */
		http_problem(q, MHD_HTTP_CONFLICT, NULL, "%s is no user with a password", http_user(q));
		return;
	}
	struct api_login_slot *slot = slot_get(a, slot_key("user:", u.name));
	if (slot->failures >= LOGIN_FAILURES_MAX || !api_password_matches(&u, json_get_str(body, "old", ""))) {
		slot->failures += 1;
		http_problem(q, MHD_HTTP_FORBIDDEN, NULL, "the old password is wrong");
		return;
	}
	if (api_password_check(new_password, &d) < 0) {
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "%s", d.message);
		return;
	}
	r = api_password_hash(new_password, u.hash);
	u.generated = false;
	if (r == 0)
		r = store_user_put(a->config.store, &u);
	if (r == 0)
		r = store_sessions_delete_user(a->config.store, u.name);
	if (r == 0)
		r = session_begin(a, q, u.name);
	if (r < 0) {
		api_store_problem(q, r);
		return;
	}
	api_audit_admin(a, u.name, http_client(q), "changed the password");
	http_reply(q, MHD_HTTP_NO_CONTENT, NULL, NULL);
}
