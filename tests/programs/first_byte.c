/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canary of prevention: freestanding, and the very first thing that it does is to write one
 * byte to its standard output. If that byte is there, an instruction of ours ran.
 */
#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov $1, %eax\n" /* write(1, byte, 1) */
	"	mov $1, %edi\n"
	"	lea byte(%rip), %rsi\n"
	"	mov $1, %edx\n"
	"	syscall\n"
	"	mov $60, %eax\n" /* exit(0) */
	"	xor %edi, %edi\n"
	"	syscall\n"
	".section .rodata\n"
	"byte:	.ascii \"B\"\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov x0, #1\n"
	"	adr x1, byte\n"
	"	mov x2, #1\n"
	"	mov x8, #64\n"
	"	svc #0\n"
	"	mov x0, #0\n"
	"	mov x8, #93\n"
	"	svc #0\n"
	"byte:	.ascii \"B\"\n");
#else
#error "write the two system calls for this machine"
#endif
