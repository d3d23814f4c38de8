# SPDX-License-Identifier: Apache-2.0
# Thin on purpose: Meson builds, this file only remembers how it is called. `make help` lists it all.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
SEAWALL_STATE ?= $(CURDIR)/var
export SEAWALL_STATE
NINJA := $(shell command -v ninja || echo ninja-build)
PYTHON ?= /usr/bin/python3
CLANG ?= clang

all: build

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

build: $(BUILD)/build.ninja web ## the programs, under build/
	@$(NINJA) -C $(BUILD) --quiet programs
	@tools/link-programs $(BUILD)

tests: build     ## the programs and all that tests them, under build/
	@$(NINJA) -C $(BUILD) --quiet

$(BUILD)/build.ninja: | web
	@meson setup $(BUILD) $(MESON_ARGS) >$(BUILD).log 2>&1 || { tail -20 $(BUILD).log; exit 1; }; rm -f $(BUILD).log

web:             ## the web pages, under web/dist (needs node)
	@tools/build-web

run: build       ## protects this host in the foreground; state in ./var
	@exec $(BUILD)/seawall up

test: tests      ## every test; root and an engine are used where they are there
	@$(PYTHON) tools/run_tests.py $(BUILD)

check: tests lint ## unit tests, cases, corpora and lint: no root, no engine, under a minute
	@meson test -C $(BUILD) --no-rebuild --suite unit --print-errorlogs --quiet

bench: tests     ## the figures of bench/
	@$(PYTHON) bench/run.py $(BUILD)

install: build   ## DESTDIR and PREFIX are honoured
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --quiet

deb:             ## a Debian package, under build-deb/
	@packaging/build-deb

fmt:             ## lays out the C files that changed since main
	@git diff --name-only --diff-filter=d origin/main -- '*.c' '*.h' 2>/dev/null | xargs -r clang-format -i

lint:            ## the rules of CONTRIBUTING.md that a program can check
	@$(PYTHON) tools/lint.py
	@if [ -f tools/check_layers.py ]; then $(PYTHON) tools/check_layers.py; fi

asan: web        ## unit tests under the address and undefined-behaviour sanitizers
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
	@$(NINJA) -C build-asan --quiet
	@meson test -C build-asan --no-rebuild --suite unit --print-errorlogs --quiet

FUZZ_SECONDS ?= 60
fuzz: web        ## every fuzzer for FUZZ_SECONDS
	@[ -f build-fuzz/build.ninja ] || CC=$(CLANG) meson setup build-fuzz -Dfuzz=true -Db_lundef=false >/dev/null
	@$(NINJA) -C build-fuzz --quiet fuzzers
	@tools/run-fuzzers build-fuzz $(FUZZ_SECONDS)

clean:           ## removes what was built
	@rm -rf build build-asan build-fuzz build-deb

.PHONY: all help build tests web run test check bench install deb fmt lint asan fuzz clean
