/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * The records and map values that the BPF programs and userspace share; the only header both
 * include. Fixed width, explicit padding, zeroed before use. Times are CLOCK_BOOTTIME ns. Addresses
 * are 16 bytes, IPv4 mapped (::ffff:a.b.c.d), ports in host order. Pids are the host's thread group
 * ids unless said otherwise.
 */
#pragma once

#ifdef __BPF__
typedef unsigned char wire_u8;
typedef unsigned short wire_u16;
typedef unsigned int wire_u32;
typedef unsigned long long wire_u64;
typedef int wire_i32;
#else
#include <stdint.h>
typedef uint8_t wire_u8;
typedef uint16_t wire_u16;
typedef uint32_t wire_u32;
typedef uint64_t wire_u64;
typedef int32_t wire_i32;
#endif

#define WIRE_ARGS_MAX 32768 /* bytes of argv kept; beyond: WIRE_ARGS_TRUNCATED */
#define WIRE_PATH_MAX 1024
#define WIRE_COMM 16
#define WIRE_ANCESTORS 8
#define WIRE_PAYLOAD 256 /* first bytes of a stream kept as evidence */
#define WIRE_LEAF_MAX 128 /* cgroup directory name */

enum wire_type {
	WIRE_EXEC = 1,      /* struct wire_exec */
	WIRE_FORK = 2,      /* struct wire_fork */
	WIRE_EXIT = 3,      /* struct wire_exit */
	WIRE_NET = 4,       /* struct wire_net */
	WIRE_PAYLOAD_HIT = 5, /* struct wire_payload */
	WIRE_CGROUP = 6,    /* struct wire_cgroup */
	WIRE_CALL = 7,      /* struct wire_call */
	WIRE_TYPE_COUNT_
};

/*
 * What the kernel decided; all zero = nothing. Values of enum detection/evidence/effect/done.
 * effect is what the rule asks for; done is what the kernel did to this process or packet: ALERT
 * (told you), PREVENT (killed, refused or dropped) or FAILED. Stopping the container is the
 * reader's part. With WIRE_SUSPECT nothing was done yet.
 */
struct wire_verdict {
	wire_u8 detection;
	wire_u8 evidence;
	wire_u8 effect;
	wire_u8 done;
	wire_u32 slot; /* kernel policy slot that decided */
};

struct wire_header {
	wire_u16 type;
	wire_u16 flags;
	wire_u32 size; /* of the whole record */
	wire_u64 time;
	wire_u64 cgroup; /* id of the container's own cgroup (not of a nested one) */
	struct wire_verdict verdict;
};

enum { /* header.flags */
	WIRE_ARGS_TRUNCATED = 1,
	WIRE_PATH_TRUNCATED = 2,
	WIRE_ARGS_UNREADABLE = 4,
	WIRE_FILE_NEW = 8,     /* executable that the image did not bring: an overlay's upper layer, a tmpfs */
	WIRE_MEMFD = 16,       /* executable without a name in any file system */
	WIRE_AGGREGATED = 32,  /* counters cover more than one happening */
	WIRE_FILE_MODIFIED = 128, /* executable of the image, written since */
	WIRE_SUID = 256,       /* it runs with another user's or group's rights than its caller's */
	WIRE_RUNTIME = 512,    /* the container runtime, which has not entered the container yet */
	WIRE_REFUSED = 1024,   /* the exec failed with EPERM: its process goes on as what it was */
	WIRE_TIED_OUT = 4096,  /* its input and output lead to a connection that was made from here */
	WIRE_TIED_IN = 8192,   /* ... that was accepted */
	WIRE_SUSPECT = 64,     /* a miner's arguments in a printing program: watched until it connects */
};

struct wire_ancestor {
	wire_u32 pid;
	wire_u32 pad;
	wire_u64 start;
	char comm[WIRE_COMM];
};

struct wire_process {
	wire_u32 pid;
	wire_u32 ppid;
	wire_u64 start; /* start_boottime: pid and start name a process for good */
	wire_u32 uid;
	wire_u32 gid;
	char comm[WIRE_COMM];
};

/* The connection that a program's input and output lead to. */
struct wire_tie {
	wire_u8 remote[16];
	wire_u16 remote_port;
	wire_u16 local_port;
	wire_u8 proto;
	wire_u8 pad[3];
	wire_u32 holder; /* the process that has it, when it is another */
	wire_u32 pad2;
};

/*
 * data: path (path_size bytes with its NUL), then args (args_size bytes, each NUL-terminated). With
 * WIRE_REFUSED the arguments are those that the caller's memory held a moment later: evidence only.
 */
struct wire_exec {
	struct wire_header header;
	struct wire_process process;
	wire_u64 inode;
	wire_u32 device;
	wire_u32 argc;
	wire_u32 path_size;
	wire_u32 args_size;
	wire_u32 ancestor_count;
	wire_u32 pad;
	struct wire_ancestor ancestors[WIRE_ANCESTORS];
	char sign[64]; /* the argument or name that gave it away */
	struct wire_tie tie; /* with WIRE_TIED_OUT or WIRE_TIED_IN */
	char data[];
};

struct wire_fork {
	struct wire_header header;
	struct wire_process process; /* the child */
};

struct wire_exit {
	struct wire_header header;
	struct wire_process process;
	wire_i32 code;   /* exit status 0-255 */
	wire_i32 signal; /* 0 = left by itself */
};

enum wire_net_kind {
	WIRE_NET_CONNECT = 1, /* attempt by a process of the container */
	WIRE_NET_ESTABLISHED = 2,
	WIRE_NET_ACCEPT = 3,
	WIRE_NET_LISTEN = 4,
	WIRE_NET_CLOSE = 5,
	WIRE_NET_REFUSED = 6, /* by us: EPERM */
	WIRE_NET_TRAFFIC = 7, /* aggregate of many of one kind; see count */
	WIRE_NET_ENGINE = 8, /* connected to an engine's socket: sign is its name, remote a struct wire_engine_key */
	WIRE_NET_RAW = 9,    /* made a raw socket: proto, remote[0] is its family */
	WIRE_NET_SCAN = 10,  /* a scan goes on: sign says of what, remote is the last place */
	WIRE_NET_KIND_COUNT_
};

struct wire_net {
	struct wire_header header;
	struct wire_process process; /* pid 0 when the kernel no longer knew */
	wire_u8 kind;
	wire_u8 proto;     /* IPPROTO_TCP, IPPROTO_UDP */
	wire_u8 direction; /* enum direction */
	wire_u8 pad[5];
	wire_u8 local[16];
	wire_u8 remote[16];
	wire_u16 local_port;
	wire_u16 remote_port;
	wire_u32 pad2;
	wire_u64 count; /* absolute since the aggregate began */
	wire_u64 first, last;
	wire_u64 bytes_sent, bytes_received;
	char sign[64]; /* REFUSED as a miner: the argument that gave it away */
};

struct wire_payload {
	struct wire_header header;
	struct wire_process process;
	wire_u8 local[16];
	wire_u8 remote[16];
	wire_u16 local_port;
	wire_u16 remote_port;
	wire_u32 size; /* of data */
	char sign[64]; /* the method that gave it away */
	wire_u8 data[WIRE_PAYLOAD];
};

/* A system call that needs a capability; repeats are counted as those of the network. */
#define WIRE_CALL_NAME 24

struct wire_call {
	struct wire_header header;
	struct wire_process process;
	wire_u32 number;
	wire_u8 capability;
	wire_u8 refused; /* by the kernel: the process had not the capability */
	wire_u8 pad[2];
	wire_u64 count; /* absolute since the aggregate began */
	wire_u64 first, last;
	char name[WIRE_CALL_NAME];
};

enum wire_cgroup_kind { WIRE_CGROUP_MADE = 1, WIRE_CGROUP_GONE = 2 };

struct wire_cgroup {
	struct wire_header header; /* cgroup = its id */
	wire_u64 parent;
	wire_u32 kind;
	wire_u32 known; /* it matched sensor_container_expect, or lies below a known one */
	char leaf[WIRE_LEAF_MAX];
};

/* ---- map keys and values ---- */

#define WIRE_CGROUPS_MAX 65536
#define WIRE_WAKE_BYTES 65536 /* records without a verdict wait in a ring until so many are there */

struct wire_cgroup_entry {
	wire_u64 container; /* cgroup id of the container's own cgroup; nested ones inherit it */
	wire_u32 slot;
	wire_u32 pad;
};

struct wire_leaf {
	char name[WIRE_LEAF_MAX]; /* zero padded; see cgroup_leaf.h */
};

/* The values of src/model/enums.h that the kernel half uses; src/sensor/policy.c asserts each. */
enum wire_effect { WIRE_EFFECT_DISABLE, WIRE_EFFECT_ALERT, WIRE_EFFECT_PREVENT, WIRE_EFFECT_BLOCK };
enum wire_done { WIRE_DONE_NONE, WIRE_DONE_ALERT, WIRE_DONE_PREVENT, WIRE_DONE_FAILED = 5 };
enum wire_detection {
	WIRE_DETECTION_CRYPTO_MINER = 1,
	WIRE_DETECTION_REVERSE_SHELL = 2,
	WIRE_DETECTION_BIND_SHELL = 3,
	WIRE_DETECTION_MODIFIED_BINARY = 4,
	WIRE_DETECTION_NEW_BINARY = 5,
	WIRE_DETECTION_FILELESS_EXEC = 6,
	WIRE_DETECTION_LATERAL_MOVEMENT = 8,
	WIRE_DETECTION_ENGINE_CLIENT = 9,
	WIRE_DETECTION_CLOUD_METADATA = 10,
	WIRE_DETECTION_KUBE_API = 11,
	WIRE_DETECTION_PORT_SCAN = 12,
	WIRE_DETECTION_RAW_SOCKET = 13,
	WIRE_DETECTION_SUID_EXEC = 14,
	WIRE_DETECTION_NAMESPACE_ESCAPE = 16,
	WIRE_DETECTION_ENGINE_SOCKET = 22,
	WIRE_DETECTION_DENIED_PROCESS = 36,
	WIRE_DETECTION_DENIED_PORT = 38,
	WIRE_DETECTION_DENIED_ADDRESS = 39,
};
enum wire_direction { WIRE_DIRECTION_OUTBOUND = 1, WIRE_DIRECTION_INBOUND, WIRE_DIRECTION_LISTEN };
enum wire_evidence {
	WIRE_EVIDENCE_NAME = 1,
	WIRE_EVIDENCE_ARGV = 2,
	WIRE_EVIDENCE_STRATUM = 3,
	WIRE_EVIDENCE_BEHAVIOUR = 7,
	WIRE_EVIDENCE_PATH = 8,
	WIRE_EVIDENCE_ADDRESS = 9,
	WIRE_EVIDENCE_PORT = 10,
	WIRE_EVIDENCE_FILE = 11,
	WIRE_EVIDENCE_SYSCALL = 12,
	WIRE_EVIDENCE_DESCRIPTOR = 13,
};

/* Slots: 0 watches only, 1 kills every exec, then two banks of one slot for each runtime rule. */
#define WIRE_SLOT_KILL 1
#define WIRE_SLOT_FIRST 2
#define WIRE_SLOTS_BANK 64
#define WIRE_SLOTS_MAX (WIRE_SLOT_FIRST + 2 * WIRE_SLOTS_BANK)

#define WIRE_DETECTIONS 64

struct wire_slot {
	wire_u8 effects[WIRE_DETECTIONS]; /* enum wire_effect, by enum wire_detection */
	wire_u16 allowed;                 /* numbers of patterns */
	wire_u16 denied;
	wire_u32 pad;
};

#define WIRE_PATTERN_MAX 256
#define WIRE_PATTERNS_MAX (WIRE_SLOTS_MAX * 128)

enum wire_pattern_list { WIRE_PATTERN_ALLOWED, WIRE_PATTERN_DENIED };

struct wire_pattern_key {
	wire_u32 slot;
	wire_u16 list;
	wire_u16 index;
};

struct wire_pattern {
	wire_u32 length; /* of text, without the stars */
	wire_u8 lead, trail; /* there was a star */
	wire_u8 pad[2];
	char text[WIRE_PATTERN_MAX];
};

/* What is remembered of a process from its exec until its exit or next exec; children inherit it. */
enum {
	WIRE_NOTE_ALLOWED = 1,
	WIRE_NOTE_SUSPECT = 2,
	WIRE_NOTE_OWN = 4, /* it looks like the runtime, and is the container's own: see call.bpf.c */
};

#define WIRE_NOTES_MAX 16384
#define WIRE_STAGES_MAX 16384

struct wire_note {
	wire_u32 flags;
	wire_u32 pad;
	char sign[64];
};

/* Denied destinations of a slot: LPM tries. */
#define WIRE_DENIED_MAX 65536

struct wire_address_key {
	wire_u32 prefix_bits; /* 32 + those of the address */
	wire_u32 slot;
	wire_u8 address[16];
};

struct wire_port_key {
	wire_u32 prefix_bits; /* 32 + those of the port */
	wire_u32 slot;
	wire_u8 port[2]; /* big endian */
	wire_u8 pad[2];
};

/* A scan: so many places in vain within so long, and more of them than of those that answered. Told again at each multiple. */
#define WIRE_SCAN_PLACES 25
#define WIRE_SCAN_WINDOW_NS (60ull * 1000000000)
#define WIRE_SCANS_MAX 1024 /* containers */

/* Sockets of engines that the Defender knows. */
#define WIRE_ENGINES_MAX 64

struct wire_engine_key {
	wire_u64 inode;
	wire_u32 device; /* as the kernel writes it: major << 20 | minor */
	wire_u32 pad;
};

/* What counts as the same happening on the network; the value is a struct wire_net. */
#define WIRE_FLOWS_MAX 8192

struct wire_flow_key {
	wire_u64 container;
	wire_u32 pid;
	wire_u16 port; /* of the remote side when outbound, else ours */
	wire_u8 kind;
	wire_u8 proto;
	wire_u8 direction;
	wire_u8 effect;
	wire_u8 detection;
	wire_u8 pad[5];
	wire_u8 remote[16];
};

/* What a system call means, by its number and the capability that it needs. */
struct wire_call_key {
	wire_u32 number;
	wire_u16 capability;
	wire_u16 compat; /* of 32-bit programs */
};

enum wire_call_when { WIRE_CALL_ALWAYS, WIRE_CALL_TO_ROOT, WIRE_CALL_TO_ROOT_ANY, WIRE_CALL_NAMESPACES, WIRE_CALL_NAMESPACES_AT };

struct wire_call_row {
	wire_u8 detection;
	wire_u8 lasting;
	wire_u8 when; /* enum wire_call_when */
	wire_u8 pad;
	char name[WIRE_CALL_NAME];
};

#define WIRE_CALLS_MAX 4096

/* What counts as the same call; the value is a struct wire_call. */
struct wire_repeat_key {
	wire_u64 container;
	wire_u32 pid;
	wire_u32 number;
	wire_u8 refused;
	wire_u8 effect;
	wire_u8 pad[6];
};

/* The capabilities of the table; src/sensor/policy.c asserts each. */
#define WIRE_CAPABILITY(n) (1ull << (n))
#define WIRE_CAPABILITIES                                                                          \
	(WIRE_CAPABILITY(2) | WIRE_CAPABILITY(7) | WIRE_CAPABILITY(13) | WIRE_CAPABILITY(16) |     \
		WIRE_CAPABILITY(17) | WIRE_CAPABILITY(19) | WIRE_CAPABILITY(21) | WIRE_CAPABILITY(22) | \
		WIRE_CAPABILITY(27) | WIRE_CAPABILITY(39))

enum wire_counter {
	WIRE_SEEN,
	WIRE_DROPPED_SECURITY, /* ring full */
	WIRE_DROPPED_BULK,     /* ring full */
	WIRE_DROPPED_SCRATCH,  /* no working memory: an exec went unjudged */
	WIRE_DROPPED_CGROUP,   /* more cgroups than WIRE_CGROUPS_MAX: a container is not watched */
	WIRE_DROPPED_SOCKET,   /* no memory to remember a socket's owner: its stream is not looked at */
	WIRE_DROPPED_NOTE,     /* more than WIRE_NOTES_MAX: a suspect or allowed process is forgotten */
	WIRE_DROPPED_STAGE,    /* more than WIRE_STAGES_MAX: a chain of pipes is not followed */
	WIRE_COUNTER_COUNT_
};
