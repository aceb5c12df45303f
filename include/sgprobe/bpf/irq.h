/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that bpf/irq.bpf.c and userspace/probe/irq.c share. */
#ifndef SGPROBE_BPF_IRQ_H
#define SGPROBE_BPF_IRQ_H

#include <sgprobe/bpf/sgprobe.h>

#define IRQ_VECTORS 10 /* of softirqs: include/linux/interrupt.h */

/* Fixed blocks, by vector. */
enum sg_irq_block {
	IRQ_SOFT_RUN,
	IRQ_SOFT_WAIT = IRQ_SOFT_RUN + IRQ_VECTORS,
	IRQ_BLOCKS = IRQ_SOFT_WAIT + IRQ_VECTORS,
};

enum sg_irq_signal {
	IRQ_BLOCK_SIGNALS = 1,
	IRQ_HARD_RUN = IRQ_BLOCK_SIGNALS, /* by number of the interrupt */
	IRQ_STOLEN, /* by slot */
	IRQ_SIGNALS_END,
};

enum sg_irq_counter {
	IRQ_RAISES = SG_COMMON_COUNTERS,
	IRQ_SOFT_ENTRIES = IRQ_RAISES + IRQ_VECTORS,
	IRQ_SOFT_EXITS = IRQ_SOFT_ENTRIES + IRQ_VECTORS,
	IRQ_HARD_ENTRIES,
	IRQ_HARD_EXITS,
	IRQ_COUNTERS,
};

#endif
