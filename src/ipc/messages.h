/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages between Defender, Gate and Console. Each has one row in messages.c: number, who may
 * send it, and the record that is its body. Numbers go over the wire: append, never reuse.
 * An unknown number, a message from the wrong side or a body that does not decode ends the
 * connection.
 */
#pragma once

#include "model/records.h"

enum ipc_role { IPC_DEFENDER = 1, IPC_GATE = 2, IPC_CONSOLE = 4 };

enum ipc_type {
	IPC_HELLO = 1,      /* both, first on each connection: struct ipc_hello */
	IPC_STATUS = 2,     /* Defender to Console, each second and on change: struct status */
	IPC_CONTAINER = 3,  /* Gate to Defender, Defender to Console: struct container (upsert by id) */
	IPC_EDGE = 4,       /* Defender to Console: struct edge (upsert by container, process, other side) */
	IPC_AUDIT = 5,      /* Defender to Console: struct audit; frame seq = spool sequence */
	IPC_AUDIT_ACK = 6,  /* Console to Defender: struct ipc_seq: all up to seq are committed */
	IPC_POLICY = 7,     /* Console to Defender, Defender to Gate: struct ipc_blob: policy_encode() form */
	IPC_QUERY_EVENTS = 8, /* Console to Defender: struct ipc_query; seq = request */
	IPC_EVENTS = 9,     /* the answer, several frames of the same seq: struct ipc_events */
	IPC_QUERY_PROCESSES = 10, /* Console to Defender: struct ipc_query (container); seq = request */
	IPC_PROCESSES = 11, /* the answer, one frame: struct ipc_processes */
	IPC_RUNTIME = 12,   /* Gate to Defender: struct runtime_status (upsert by kind and socket) */
	IPC_ENGINE_OPEN = 13, /* Gate to Defender: struct ipc_engine; answered by IPC_ENGINE_FD, same seq */
	IPC_ENGINE_FD = 14, /* Defender to Gate: struct ipc_result, and on success one descriptor attached */
	IPC_STOP = 15,      /* Defender to Gate: struct ipc_stop: keep the engine from restarting it */
	IPC_STOP_DONE = 16, /* Gate to Defender: struct ipc_result, same seq */
	IPC_SYNCED = 17,    /* Gate to Defender: struct ipc_result (message = socket): one engine's inventory is complete */
	IPC_PROCESS_STARTED = 18, /* Gate to Defender: struct ipc_pid: container init exists, before its start */
	IPC_GATE_AUDIT = 19, /* Gate to Defender: struct audit; seq = the Gate's own, kept until acknowledged */
	IPC_GATE_AUDIT_ACK = 20, /* Defender to Gate: struct ipc_seq: all up to seq are spooled */
	IPC_ADMIT = 21,      /* Gate to Defender: struct ipc_admission: about to be created; seq = question */
	IPC_ADMITTED = 22,   /* the answer: struct ipc_result; -EPERM: blocked before, message says by what */
	IPC_LISTENER = 23,   /* Defender to Gate: struct ipc_listener, and the listening socket attached */
	IPC_PING = 24,       /* Defender to Gate, each second: struct ipc_seq; a Gate that does not answer is killed */
	IPC_PONG = 25,       /* the answer, same body */
	IPC_FINDING = 26,    /* Gate to Defender, Defender to Console: struct compliance_finding (upsert by id) */
	IPC_DAEMON = 27,     /* Defender to Gate: struct ipc_daemon: how an engine's daemon was started (upsert by socket) */
	IPC_FINDINGS_ASK = 28, /* Defender to Gate: struct ipc_seq: the Console knows none: tell every finding again */
	IPC_TYPE_COUNT_
};

#define IPC_VERSION 1

struct ipc_hello {
	uint32_t version; /* IPC_VERSION */
	enum ipc_role role;
	char *program; /* "seawall-gate 0.1.0" */
	uint32_t pid;
};

struct ipc_seq {
	uint64_t seq;
};

struct ipc_blob {
	uint64_t revision;
	struct blob data;
};

struct ipc_query {
	char *container; /* id, id prefix or name; NULL = all */
	uint64_t since, until; /* wall ns, 0 = open */
	uint32_t limit; /* rows, 0 = the Defender's own limit */
	uint64_t after; /* only events with a seq above this */
};

struct ipc_events {
	struct record_list events; /* struct event */
	bool last;
	bool more; /* with last: the limit was reached */
	int32_t error; /* negative errno */
};

struct ipc_processes {
	struct record_list processes; /* struct process */
	int32_t error;
};

struct ipc_engine {
	enum runtime_kind kind;
	char *socket; /* path as configured; the Defender only opens paths of its own configuration */
};

struct ipc_result {
	int32_t error; /* 0 or negative errno */
	char *message;
};

struct ipc_stop {
	char *container; /* full id */
	enum runtime_kind runtime;
	char *reason;
};

struct ipc_pid {
	char *container;
	uint32_t pid;
};

struct ipc_admission {
	struct container container;
	char *bundle; /* its directory, which goes when the container does; NULL = not known */
};

/* What a listening socket that is handed to the Gate is for. */
enum ipc_listener_kind { IPC_LISTENER_NONE, IPC_LISTENER_SHIM, IPC_LISTENER_AUTHZ, IPC_LISTENER_PROXY, IPC_LISTENER_WEBHOOK, IPC_LISTENER_COUNT_ };

struct ipc_listener {
	enum ipc_listener_kind kind;
	char *address; /* path or HOST:PORT, for messages */
	struct blob tls; /* PROXY: certificate, key and CA of clients, WEBHOOK: certificate and key; PEM, one after the other */
};

/* What only root sees of an engine's daemon. The Defender reads none of it: the Gate does. */
struct ipc_daemon {
	char *socket; /* as in struct ipc_engine */
	uint32_t pid;
	struct str_list words; /* of its command line */
	char *config_path;     /* daemon.json, or what the command line names instead */
	struct blob config;    /* its bytes */
	int32_t config_error;  /* -ENOENT: there is none */
};

struct ipc_message {
	enum ipc_type type;
	unsigned senders; /* enum ipc_role, ored */
	const struct record_desc *body;
};

/* The row of a message, or NULL. */
const struct ipc_message *ipc_message(unsigned type);
