// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel program costs before it does anything: attaches to each trace point
 * that is named a program that returns at once, with -c one that reads the clock
 * and returns. Prints "ready" and waits until it is ended.
 *
 *   watch-floor [-c] TRACEPOINT...
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL(helper) ((struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = (helper)})
#define RETURN_0                                                                                   \
	((struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0}),            \
		((struct bpf_insn){.code = BPF_JMP | BPF_EXIT})

static int load(const char *name, bool clock)
{
	const struct bpf_insn insns[] = {CALL(BPF_FUNC_ktime_get_ns), RETURN_0};
	size_t skip = clock ? 0 : 1, n = sizeof(insns) / sizeof(insns[0]);
	char short_name[BPF_OBJ_NAME_LEN];

	snprintf(short_name, sizeof(short_name), "%s", name);
	return bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, short_name, "GPL", insns + skip,
			     n - skip, NULL);
}

static int watch(const char *tracepoint, bool clock)
{
	int fd = load(tracepoint, clock);

	if (fd >= 0)
		fd = bpf_raw_tracepoint_open(tracepoint, fd);
	if (fd < 0)
		fprintf(stderr, "watch-floor: %s: %s\n", tracepoint, strerror(-fd));
	return fd;
}

int main(int argc, char **argv)
{
	int i = argc > 1 && strcmp(argv[1], "-c") == 0 ? 2 : 1;
	bool clock = i == 2;

	for (; i < argc; i++)
		if (watch(argv[i], clock) < 0)
			return 1;
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
