/* SPDX-License-Identifier: Apache-2.0 */
/* seawall, the command line. What it can do is in table.c. */
#include <signal.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ctl/command.h"

int main(int argc, char **argv)
{
	CLEANUP(free) const char **args = calloc((size_t)argc + 1, sizeof(*args));
	struct diag diag = {0};
	struct call call;

	if (!args)
		return CTL_CANNOT;
	log_open("seawall");
	signal(SIGPIPE, SIG_IGN);
	if (command_parse(&call, argc, argv, args, &diag) < 0)
		return cannot(&diag);
	if (call.help) {
		help_command(call.command);
		return CTL_DONE;
	}
	return call.command->run(&call);
}
