/* SPDX-License-Identifier: Apache-2.0 */
/* Short ways to make policies and events in tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "test_key.h"

static inline struct policy *load_text(const char *text, struct policy_messages *messages)
{
	struct policy *p = NULL;
	struct policy_source source = {"policy.yaml", text, strlen(text)};

	policy_load(&p, &source, 1, messages);
	return p;
}

/* A policy that must be good; prints what is wrong otherwise. */
static inline struct policy *must_load(const char *text)
{
	struct policy_messages messages;
	struct policy *p = load_text(text, &messages);
	char line[1024];

	for (uint32_t i = 0; !p && i < messages.count; i++)
		print_error("%s\n", diag_format(&messages.items[i].diag, line, sizeof(line)));
	policy_messages_done(&messages);
	assert_non_null(p);
	return p;
}

/* The example of the contract: every area and key. (A key's file is read by the command line.) */
static const char contract_policy[] =
	"version: 1\n"
	"collections:\n"
	"  - {name: everything}\n"
	"  - {name: payments, namespaces: [pay-*], images: [\"*\", \"-*/debug:*\"]}\n"
	"runtime:\n"
	"  - name: stop miners\n"
	"    scope: [everything]\n"
	"    processes:\n"
	"      crypto_miners: block          # disable | alert | prevent | block\n"
	"      reverse_shell: prevent\n"
	"      modified_binaries: alert\n"
	"      allowed: [/usr/bin/ffmpeg]\n"
	"      denied: {effect: prevent, paths: [/usr/bin/nc, \"*/socat\"]}\n"
	"      model: alert\n"
	"    network:\n"
	"      port_scan: alert\n"
	"      denied: {effect: prevent, addresses: [203.0.113.0/24], ports: [2375, \"3333-3340\"], domains: [\"*.pool.example\"]}\n"
	"    files: {sensitive: alert, denied: {effect: prevent, paths: [/etc/ld.so.preload]}}\n"
	"    kubernetes: alert\n"
	"    feeds: block\n"
	"    custom: [{rule: \"Terminal shell in container\", effect: alert}]\n"
	"trust:\n"
	"  groups:\n"
	"    - {name: ours, images: [\"registry.local:5000/*\"]}\n"
	"    - {name: signed, signatures: [{key: \"" TEST_KEY "\"}]}\n"
	"  rules:\n"
	"    - {name: only ours, scope: [everything], allowed: [ours, signed], effect: block}\n"
	"vulnerabilities:\n"
	"  - {name: no critical, scope: [everything], alert: low, block: critical, only_fixed: true, grace: {critical: 7d}, exceptions: [{id: CVE-2024-0001, effect: ignore, until: 2027-01-01, why: \"not reachable\"}]}\n"
	"compliance:\n"
	"  - {name: basics, scope: [everything], checks: {privileged: block, docker_socket: block, host_pid: alert}}\n"
	"access:\n"
	"  - {name: ops, users: [alice], groups: [], actions: [\"*\"], effect: allow}\n"
	"  - {name: no remote start, actions: [container_create, container_start, image_create], when: {privileged: true}, effect: deny, message: \"ask the platform team\"}\n"
	"  - {name: the rest, effect: allow, audit: all}\n"
	"admission: []\n"
	"outputs: []\n";

#define DIGEST_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Every key of the areas of the gates, none at its default. */
static const char gates_policy[] =
	"version: 1\n"
	"collections: [{name: lab, hosts: [lab*]}, {name: shop, namespaces: [shop, \"-till\"]}]\n"
	"trust:\n"
	"  groups:\n"
	"    - {name: every kind, notes: \"two\\nlines\", images: [nginx, \"-*:latest\"], digests: [\"" DIGEST_A "\", \"" DIGEST_B "\"],\n"
	"       base_layers: [\"" DIGEST_B "\", \"" DIGEST_A "\"], signatures: [{key: \"" TEST_KEY "\"}]}\n"
	"    - {name: other, images: [\"*\"]}\n"
	"  rules:\n"
	"    - {name: t, notes: n, owner: o, disabled: true, scope: [shop, lab], allowed: [every kind, other], denied: [other], effect: alert}\n"
	"    - {name: t2, denied: [every kind], effect: block}\n"
	"compliance:\n"
	"  - {name: c, notes: n, owner: o, scope: [lab], checks: {privileged: block, docker_socket: alert, host_pid: ignore}}\n"
	"  - {name: c2, disabled: true, checks: {}}\n"
	"admission:\n"
	"  - {name: k, scope: [shop], groups: [\"system:*\"], actions: [pod_exec], when: {targets: [\"shop/*\"]}, effect: deny, message: m}\n"
	"access:\n"
	"  - name: a\n"
	"    notes: n\n"
	"    owner: o\n"
	"    users: [alice, \"\", \"ci-*\"]\n"
	"    groups: [ops]\n"
	"    actions: [container_create, read_only, \"*_exec_*\"]\n"
	"    when:\n"
	"      privileged: false\n"
	"      capabilities: [net_admin, \"*\"]\n"
	"      binds: [/etc/, /, \"*/docker.sock\"]\n"
	"      volumes: [data]\n"
	"      devices: [/dev/kvm]\n"
	"      host_namespaces: [cgroup, network]\n"
	"      joins: [web]\n"
	"      security_options: [\"seccomp=*\"]\n"
	"      sysctls: [\"net.*\"]\n"
	"      runtimes: [runc]\n"
	"      networks: [host]\n"
	"      images: [nginx, \"-*:latest\"]\n"
	"      exec_users: [root, \"\"]\n"
	"      targets: [db]\n"
	"      addresses: [192.0.2.0/24, \"2001:db8::1\"]\n"
	"    effect: deny\n"
	"    message: ask the platform team\n"
	"    audit: denied\n"
	"  - {name: a2, disabled: true, when: {privileged: true}, effect: alert}\n"
	"  - {name: a3, effect: allow, audit: none}\n";
