// SPDX-License-Identifier: GPL-2.0
/* The processor's CRC32C instruction where there is one, a table elsewhere. */
#include <string.h>
#ifdef __aarch64__
#include <sys/auxv.h>
#endif

#include <sgprobe/mem.h>

#include "crc32c_table.h"

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	while (n--)
		crc = (crc >> 8) ^ crc32c_table[(crc ^ *p++) & 0xff];
	return crc;
}

#if defined(__x86_64__)
#define HAVE_INSTRUCTION
#define CRC_TARGET __attribute__((target("sse4.2")))
#define crc_word(crc, w) ((uint32_t)__builtin_ia32_crc32di((crc), (w)))
#define crc_byte(crc, b) __builtin_ia32_crc32qi((crc), (b))

static int has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__) && !defined(__clang__)
#define HAVE_INSTRUCTION
#define CRC_TARGET __attribute__((target("+crc")))
#define crc_word(crc, w) __builtin_aarch64_crc32cx((crc), (w))
#define crc_byte(crc, b) __builtin_aarch64_crc32cb((crc), (b))

static int has_instruction(void)
{
	return !!(getauxval(AT_HWCAP) & (1 << 7)); /* HWCAP_CRC32 */
}
#endif

#ifdef HAVE_INSTRUCTION
CRC_TARGET static uint32_t by_instruction(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t word;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&word, p, 8);
		crc = crc_word(crc, word);
	}
	while (n--)
		crc = crc_byte(crc, *p++);
	return crc;
}
#endif

uint32_t sg_crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef HAVE_INSTRUCTION
	if (has_instruction())
		return ~by_instruction(~crc, p, n);
#endif
	return ~by_table(~crc, p, n);
}
