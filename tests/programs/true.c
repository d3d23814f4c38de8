/* SPDX-License-Identifier: Apache-2.0 */
/* The shortest life a process can have: what the storms spawn. */
int main(void)
{
	return 0;
}
