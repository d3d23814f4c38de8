/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text as a tree of nodes that know their place in it. Made from libyaml's events with a cap
 * on depth, on the number of nodes and on the length of a value; anchors, aliases and tags are
 * refused, so that the tree is never larger than its text. Knows nothing of policies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"

#define DOCUMENT_DEPTH_MAX 32
#define DOCUMENT_NODES_MAX 500000
#define DOCUMENT_VALUE_MAX 4096 /* bytes of one value */

enum node_kind { NODE_NULL, NODE_TEXT, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool plain;		       /* text without quotes: could be meant as a number or bool */
	bool flow;		       /* list or map written in brackets */
	uint32_t line, column;	       /* of its first character, from 1, in characters */
	uint32_t end_line, end_column; /* behind its last character */
	const char *text;	       /* NODE_TEXT and NODE_NULL; terminated, no NUL inside */
	const struct node *parent;
	const struct node *key; /* of a member of a map, else NULL */
	struct node *first, *last, *next;
	uint32_t count; /* items or members */
};

struct document {
	struct node **roots; /* one for each document of the text */
	uint32_t count;
	bool broken;	   /* the text ended in `error`; documents before it are complete */
	struct diag error; /* without file */
	void *memory;	   /* chunks that hold the nodes and their texts */
	size_t chunk_used;
	uint32_t nodes;
};

/* 0 also for a broken text (see `broken`); -ENOMEM. */
int document_parse(struct document **ret, const char *text, size_t n);
struct document *document_free(struct document *d);
CLEANUP_DEFINE(struct document, document_free)

/* The value of a key, or NULL when absent or when n is no map. */
const struct node *node_get(const struct node *n, const char *key);
