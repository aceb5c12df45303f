# SPDX-License-Identifier: GPL-2.0
# sgprobe. 'make help' lists the targets; V=1 shows the commands; O=dir builds elsewhere.
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

O ?= build
V ?= 0
ifeq ($(V),0)
Q := @
msg = @printf '  %-5s %s\n' '$(1)' '$(patsubst $(O)/%,%,$(2))'
else
Q :=
msg = @:
endif

VERSION := $(shell cat VERSION)
CC := gcc
CLANG := clang
PKGS := libbpf libelf zlib libwebsockets sqlite3 yaml-0.1 jansson libseccomp libcap
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -lm -lpthread

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wno-unused-parameter -Wno-missing-field-initializers
CFLAGS ?= -O2 -g
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(HARDEN) -D_GNU_SOURCE \
	-DSG_VERSION='"$(VERSION)"' -Iinclude -Iuserspace $(PKG_CFLAGS) -MMD -MP
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
ASAN_CFLAGS = $(subst -D_FORTIFY_SOURCE=2,,$(ALL_CFLAGS)) -O1 -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all

# ---- sources: found, never listed -------------------------------------------------
BPF_SRCS := $(wildcard bpf/*.bpf.c)
BPF_OBJS := $(BPF_SRCS:bpf/%.bpf.c=$(O)/bpf/%.bpf.o)
SRCS := $(wildcard userspace/*/*.c)
MAIN := userspace/cli/main.c
LIB_SRCS := $(filter-out $(MAIN),$(SRCS))
OBJS := $(LIB_SRCS:%.c=$(O)/obj/%.o)
ASAN_OBJS := $(LIB_SRCS:%.c=$(O)/asan/%.o)
EMBED := $(O)/gen/bpf_objects.o $(O)/gen/web_assets.o
UNIT_SRCS := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(UNIT_SRCS:tests/unit/%.c=$(O)/tests/unit/%)
UNIT_ASAN := $(UNIT_SRCS:tests/unit/%.c=$(O)/tests/asan/%)
TOOL_SRCS := $(wildcard tools/*.c)
TOOL_BINS := $(TOOL_SRCS:tools/%.c=$(O)/tools/%)
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(FUZZ_SRCS:tests/fuzz/%.c=$(O)/tests/fuzz/%)
FUZZ_OBJS := $(LIB_SRCS:%.c=$(O)/fuzzed/%.o)
REPLAY_BINS := $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=$(O)/tests/replay/%)
WEB_SRCS := $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)

.PHONY: all run test test-kernels docs docs-kernels check bench fuzz install uninstall help setup clean unit tools tests-built
all: $(O)/sgprobe ## Build build/sgprobe

setup: ## Install what is missing of Debian and npm packages
	$(Q)tools/setup.sh

# The package set-up runs first, in a make of its own, so that pkg-config answers.
run: ## Set up, build and start the daemon with its dashboard
	$(Q)tools/setup.sh
	$(Q)$(MAKE) --no-print-directory O=$(O) all
	$(Q)exec tools/run.sh $(O)/sgprobe

test: ## Set up, build and run all tests
	$(Q)tools/setup.sh test
	$(Q)$(MAKE) --no-print-directory O=$(O) all tests-built
	$(Q)O=$(O) tools/run-tests.sh

check: ## Formatting, layering, clang-tidy, cppcheck, tsc
	$(Q)tools/setup.sh test
	$(Q)O=$(O) tools/check.sh

bench: ## Measure the cost against other tools and print ratios
	$(Q)tools/setup.sh bench
	$(Q)$(MAKE) --no-print-directory O=$(O) all tools
	$(Q)O=$(O) tools/bench.sh

KERNELS ?= 5.10 6.1 6.1-rt 6.12 newest
test-kernels: ## Boot real kernels (KERNELS="5.10 6.12") and run every probe in them
	$(Q)tools/setup.sh
	$(Q)tools/setup.sh kernels || : # then they are skipped, with the reason
	$(Q)$(MAKE) --no-print-directory O=$(O) all tools $(O)/tests/kernels/bpf_list
	$(Q)O=$(O) KERNELS="$(KERNELS)" TEST_TIMEOUT=1800 tools/run-tests.sh kernels

docs-kernels: test-kernels ## The same, and what was attached into docs/KERNELS.md
	$(Q)O=$(O) tests/kernels/table.sh $(KERNELS)

FUZZ_SECONDS ?= 60
fuzz: ## Fuzz every parser for FUZZ_SECONDS each
	$(Q)tools/setup.sh test
	$(Q)$(MAKE) --no-print-directory O=$(O) fuzz-bins
	$(Q)O=$(O) FUZZ_SECONDS=$(FUZZ_SECONDS) tools/fuzz.sh

docs: all ## Write docs/METRICS.md and docs/CONFIG.md anew
	$(Q)$(O)/sgprobe help metrics > docs/METRICS.md
	$(Q)$(O)/sgprobe config doc > docs/CONFIG.md

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

tests-built: unit tools $(UNIT_ASAN) $(REPLAY_BINS) $(O)/tests/promql-conformance
unit: $(UNIT_BINS)
tools: $(TOOL_BINS)
.PHONY: fuzz-bins
fuzz-bins: $(FUZZ_BINS)

# ---- kernel side ------------------------------------------------------------------
BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Werror \
	-Wno-unused-parameter -Iinclude -Ivmlinux -Ibpf/lib \
	-I/usr/include/$(shell uname -m)-linux-gnu

$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)llvm-strip -g $@.tmp && mv $@.tmp $@

$(O)/gen/bpf_objects.S: $(BPF_OBJS) tools/embed.sh
	$(call msg,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)tools/embed.sh objects $(BPF_OBJS) > $@

# ---- browser side -----------------------------------------------------------------
$(O)/gen/web_assets.S: $(WEB_SRCS) tools/embed.sh tools/build-web.sh
	$(call msg,WEB,$(O)/web)
	$(Q)mkdir -p $(@D)
	$(Q)tools/build-web.sh $(O)/web
	$(Q)tools/embed.sh assets $(O)/web > $@

$(O)/gen/%.o: $(O)/gen/%.S
	$(Q)$(CC) -c $< -o $@

# ---- user side --------------------------------------------------------------------
$(O)/obj/%.o: %.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

$(O)/asan/%.o: %.c
	$(call msg,ASAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -c $< -o $@

$(O)/libsgprobe.a: $(OBJS) $(EMBED)
	$(Q)rm -f $@ && ar rcs $@ $^
$(O)/libsgprobe_asan.a: $(ASAN_OBJS) $(EMBED)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/sgprobe: $(O)/obj/$(MAIN:.c=.o) $(O)/libsgprobe.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(O)/libsgprobe.a $(PKG_LIBS)

$(O)/tests/unit/%: tests/unit/%.c $(O)/libsgprobe.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -MF $@.d -MT $@ -o $@ $< $(O)/libsgprobe.a $(PKG_LIBS) -lcmocka

$(O)/tests/asan/%: tests/unit/%.c $(O)/libsgprobe_asan.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -Itests/unit -MF $@.d -MT $@ -o $@ $< $(O)/libsgprobe_asan.a $(PKG_LIBS) -lcmocka

# With the sanitizers: what the scripts load is what a fuzzer would like to.
$(O)/tests/promql-conformance: tests/conformance/promql_conformance.c $(O)/libsgprobe_asan.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -Itests/unit -MF $@.d -MT $@ -o $@ $< $(O)/libsgprobe_asan.a $(PKG_LIBS)

$(O)/tests/kernels/%: tests/kernels/%.c
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< -lbpf

$(O)/tools/watch-floor: TOOL_LIBS := -lbpf -lelf -lz
$(O)/tools/%: tools/%.c
	$(call msg,TOOL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< -lpthread $(TOOL_LIBS)

.SECONDARY: $(O)/asan/tests/fuzz/replay.o

# A fuzz target is one LLVMFuzzerTestOneInput. It is built twice: by clang for 'make fuzz',
# and with a main that runs its corpus, for 'make test'.
FUZZ_CFLAGS = -std=gnu11 -g -O1 -D_GNU_SOURCE -DSG_VERSION='"$(VERSION)"' -Iinclude -Iuserspace \
	$(PKG_CFLAGS) -MMD -MP -fsanitize=address,undefined -fno-sanitize-recover=all

$(O)/fuzzed/%.o: %.c
	$(call msg,CLANG,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(O)/libsgprobe_fuzzed.a: $(FUZZ_OBJS) $(EMBED)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/tests/fuzz/%: tests/fuzz/%.c $(O)/libsgprobe_fuzzed.a
	$(call msg,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MF $@.d -MT $@ -fsanitize=fuzzer -o $@ $< \
		$(O)/libsgprobe_fuzzed.a $(PKG_LIBS)

$(O)/tests/replay/%: tests/fuzz/fuzz_%.c $(O)/asan/tests/fuzz/replay.o $(O)/libsgprobe_asan.a
	$(call msg,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ASAN_CFLAGS) -Wno-missing-prototypes -MF $@.d -MT $@ -o $@ $< \
		$(O)/asan/tests/fuzz/replay.o $(O)/libsgprobe_asan.a $(PKG_LIBS)

# ---- installation -----------------------------------------------------------------
PREFIX ?= /usr/local
DESTDIR ?=
install: all ## Install the binary, unit file, man pages and completion
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) O=$(O) tools/install.sh install
uninstall: ## Remove what install put in place (data stays)
	$(Q)DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) O=$(O) tools/install.sh uninstall

clean: ## Remove build/
	$(Q)rm -rf $(O)

-include $(wildcard $(O)/bpf/*.d) $(OBJS:.o=.d) $(ASAN_OBJS:.o=.d) $(O)/obj/userspace/cli/main.d
-include $(wildcard $(O)/tests/*/*/*.d $(O)/tests/*/*.d $(O)/tests/*.d $(O)/tools/*.d)
-include $(FUZZ_OBJS:.o=.d) $(O)/asan/tests/fuzz/replay.d
