/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one system call by name, harmlessly, and then writes one byte: where that is missing, the
 * process did not get past the call. `caller NAME [NAME...]`; exit 0 whatever the calls
 * answered, 77 when this kernel has no such call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int call_mount(void)
{
	return mount("tmpfs", "/tmp", "tmpfs", MS_RDONLY, NULL);
}

#if defined(__x86_64__)
/* The same by the door of 32-bit programs: mount is number 21 there. Its texts lie below 4 GiB. */
static int call_mount32(void)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long answer;

	if (low == MAP_FAILED)
		return -1;
	strcpy(low, "tmpfs");
	strcpy(low + 16, "/tmp");
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(21), "b"(low), "c"(low + 16), "d"(low), "S"(MS_RDONLY), "D"(0) : "memory");
	return (int)answer;
}
#else
#define call_mount32 call_mount
#endif

static int call_unshare(void)
{
	return unshare(CLONE_NEWUTS);
}

static int call_unshare_mount(void)
{
	return unshare(CLONE_NEWNS);
}

static int call_setns(void)
{
	return setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWUTS);
}

static int call_clone(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0 ? waitpid(pid, NULL, 0) : -1;
}

static int call_mknod(void)
{
	unlink("null");
	return mknod("null", S_IFCHR | 0600, makedev(1, 3));
}

static int call_module(void)
{
	return (int)syscall(SYS_init_module, NULL, 0, "");
}

static int call_bpf(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_HASH;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int call_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int call_uffd(void)
{
	return (int)syscall(SYS_userfaultfd, O_CLOEXEC);
}

/* First somebody without rights, so that it is an attempt. */
static int call_to_root(void)
{
	return setresuid(65534, 65534, 65534) < 0 ? -1 : setuid(0);
}

/* Look-alikes. */

static int call_drop(void)
{
	return setuid(65534);
}

static int call_memory(void)
{
	for (int i = 0; i < 1000; i++)
		munmap(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1 << 20);
	return 0;
}

static int call_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return waitpid(pid, NULL, 0);
}

static int call_stream(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
	{"mount", call_mount}, {"mount32", call_mount32}, {"unshare", call_unshare}, {"unshare_mount", call_unshare_mount},
	{"setns", call_setns}, {"clone", call_clone}, {"mknod", call_mknod}, {"module", call_module}, {"bpf", call_bpf},
	{"packet", call_packet}, {"uffd", call_uffd}, {"to_root", call_to_root},
	{"drop", call_drop}, {"memory", call_memory}, {"fork", call_fork}, {"stream", call_stream},
};

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		size_t k = 0;

		while (k < sizeof(calls) / sizeof(calls[0]) && strcmp(calls[k].name, argv[i]) != 0)
			k++;
		if (k == sizeof(calls) / sizeof(calls[0])) {
			fprintf(stderr, "caller: no call is named '%s'\n", argv[i]);
			return 2;
		}
		errno = 0;
		if (calls[k].call() < 0 && errno == ENOSYS)
			return 77;
		if (errno)
			fprintf(stderr, "caller: %s: %s\n", argv[i], strerror(errno));
	}
	return write(STDOUT_FILENO, "B", 1) == 1 ? 0 : 1;
}
