# accs: build, tests and the rest. `make help` lists the targets.
.DEFAULT_GOAL := all
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
LUA ?= lua5.4
CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
# Warnings are errors here; with a compiler that knows more of them: make STRICT=
STRICT ?= -Werror
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla $(STRICT)
BASE := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -MMD -MP
LUA_CFLAGS := $(shell $(PKG_CONFIG) --cflags lua5.4 2>/dev/null || $(PKG_CONFIG) --cflags lua-5.4 2>/dev/null)
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined

# Debian packages: what demo needs; what the tests add; what the checks of the sources add.
DEPS_RUN := gcc libc6-dev pkg-config lua5.4 liblua5.4-dev libcurl4-openssl-dev libssl-dev zlib1g-dev \
	lua-cjson lua-argparse lua-lpeg libmicrohttpd-dev libsqlite3-dev ca-certificates
DEPS_TEST := libhiredis-dev redis-server mount lua-busted lua-socket lua-sec lua-luv lua-cqueues libcmocka-dev nginx nghttp2 openssl curl
DEPS_LINT := valgrind luarocks lua-check cppcheck clang-tidy-14 clang-format-14 clang-14

Q := $(if $(V),,@)
say = $(if $(V),,@echo '  $(1) $@')
CORE := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/core/*.c))
BINDING := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/lua/*.c))
SANDBOX := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/sandbox/*.c))
REDIS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/redis/*.c))
UNITS := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/core/test_*.c))
REPLAYS := $(patsubst %.c,$(BUILD)/%,$(wildcard spec/fuzz/fuzz_*.c))
HOSTS := $(BUILD)/spec/core/oom $(BUILD)/spec/core/secrecy $(BUILD)/spec/core/threads
# Exported, so that C modules of others can be loaded.
WHOLE_LUA = -Wl,-E -Wl,--whole-archive "$$($(PKG_CONFIG) --variable=libdir lua5.4)/liblua5.4.a" \
	-Wl,--no-whole-archive
CORE_LIBS := -lcurl -lssl -lcrypto -lz -lpthread
MODULES := $(BUILD)/lib/accs/core.so $(BUILD)/lib/accs/sandbox/native.so
# Optional: built where libhiredis is.
ifneq ($(shell $(PKG_CONFIG) --exists hiredis 2>/dev/null && echo yes),)
MODULES += $(BUILD)/lib/accs/redis.so
endif

# The sandbox shares no header with the core.
# Not -I: core has a limits.h, and <limits.h> must stay the system's.
INCLUDES := -iquote csrc/core
$(SANDBOX) $(REDIS): INCLUDES :=

all: $(MODULES) ## build the modules into build/lib; accs.redis where libhiredis is installed

redis: $(BUILD)/lib/accs/redis.so ## the module of the token store in Redis: needs libhiredis

$(BUILD)/%.o: %.c
	$(call say,CC  )
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE) $(WARNINGS) $(CFLAGS) $(CPPFLAGS) $(INCLUDES) $(LUA_CFLAGS) -c $< -o $@

$(BUILD)/core.a: $(CORE)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lib/accs/core.so: $(CORE) $(BINDING)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

$(BUILD)/lib/accs/sandbox/native.so: $(SANDBOX)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ -lmicrohttpd -lsqlite3 -lcrypto -lz

# -lanl: getaddrinfo_a, before glibc 2.34.
$(BUILD)/lib/accs/redis.so: $(REDIS)
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^ -lhiredis -lanl

$(BUILD)/spec/core/test_%: $(BUILD)/spec/core/test_%.o $(BUILD)/core.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $^ -lcmocka $(CORE_LIBS)

# Where memory runs out, or is looked through: the core's allocations go through the test.
$(addprefix $(BUILD)/spec/core/,oom secrecy test_oom test_oom_auth test_oom_cache test_oom_loopback): WRAP := \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup,--wrap=free
$(BUILD)/spec/core/test_oom: WRAP += -Wl,--wrap=epoll_ctl
# Where clocks step.
$(BUILD)/spec/core/test_token_clock: WRAP := -Wl,--wrap=accs_clock_system

$(BUILD)/spec/core/secrecy: $(BUILD)/spec/core/ledger.o

# Programs that hold core, binding and Lua.
$(HOSTS): $(BUILD)/%: $(BUILD)/%.o $(CORE) $(BINDING)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP) -o $@ $^ $(WHOLE_LUA) $(CORE_LIBS) -lm -ldl

# For C programs: two objects, in which only what is public has a name, so that those without Lua
# take the core alone.
$(BUILD)/libaccs.a: $(BUILD)/core.o $(BUILD)/binding.o
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/core.o: $(CORE)
$(BUILD)/binding.o: $(BINDING)
$(BUILD)/core.o $(BUILD)/binding.o:
	$(call say,LINK)
	$(Q)$(LD) -r -o $@ $^ && objcopy --localize-hidden $@

lib: $(BUILD)/libaccs.a ## build/libaccs.a for C programs: see examples/embed

# Before the compiler says it in its own words.
$(UNITS:=.o): | cmocka
cmocka:
	@$(PKG_CONFIG) --exists cmocka || { echo "the tests need libcmocka-dev: make deps" >&2; exit 1; }

# A fuzz target with a plain main that replays its corpus.
$(BUILD)/spec/fuzz/fuzz_%: $(BUILD)/spec/fuzz/fuzz_%.o $(BUILD)/spec/fuzz/replay.o $(BUILD)/core.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

# All that is compiled C, tests included: what the warnings of a compiler are asked about.
units-built: $(UNITS) $(REPLAYS) $(HOSTS) $(patsubst %.c,$(BUILD)/%.o,$(wildcard bench/*.c examples/embed/*.c))

units: $(UNITS) ## build and run the C units alone
	$(Q)for unit in $(UNITS); do $$unit || exit 1; done

DEMO := report sales --from 2026-01-01 --to 2026-06-30 --by month
demo: ## install what is missing, build, and run a sales report against the sandbox
	@.ci/deps $(DEPS_RUN)
	@$(MAKE) --no-print-directory all
	@printf '\n$$ accs $(DEMO)\n'
	@eval "$$($(MAKE) -s env)" && ACCS_CACHE=memory accs-sandbox -- accs $(DEMO)

test: ## install what is missing, build, run every test
	@.ci/deps $(DEPS_RUN) $(DEPS_TEST)
	@$(MAKE) --no-print-directory check

# SUITE names what to run, for example: make check SUITE=spec/lua/json_spec.lua
check: all $(UNITS) $(REPLAYS) $(HOSTS) $(BUILD)/libaccs.a ## every test, without installing anything
	@eval "$$($(MAKE) -s env)" && $(LUA) spec/support/suite.lua $(BUILD) $(SUITE)

deps: ## install every package that building, testing and linting need (Debian)
	@.ci/deps $(DEPS_RUN) $(DEPS_TEST) $(DEPS_LINT)

lint: ## luacheck, luac, cppcheck, clang-tidy, clang-format, warnings of gcc and clang
	@BUILD=$(BUILD) LUA_CFLAGS="$(LUA_CFLAGS)" .ci/lint

asan: ## every test under AddressSanitizer, UBSan and leak check
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS="$(SANITIZE)" LDFLAGS=-Wl,-z,nodelete \
		$(BUILD)/asan/bin/lua5.4 check SUITE="$(SUITE)"

# Lua itself under the sanitizers: nothing needs to be preloaded, children run under them too.
$(BUILD)/bin/lua5.4: spec/support/asan_host.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LUA_CFLAGS) $< -o $@ $(WHOLE_LUA) -lm -ldl

oom: all $(BUILD)/spec/core/oom ## fail every allocation once, of Lua, core, libcurl: make oom [STRIDE=1]
	@eval "$$($(MAKE) -s env)" && accs-sandbox --products 12 --orders 6 --customers 3 -- \
		$(BUILD)/spec/core/oom -s $(or $(STRIDE),1)

tsan: all ## states in many threads under ThreadSanitizer
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=thread" \
		$(BUILD)/tsan/spec/core/threads
	@eval "$$($(MAKE) -s env)" && TSAN_OPTIONS=exitcode=66 accs-sandbox --products 12 --orders 6 --customers 3 \
		-- $(BUILD)/tsan/spec/core/threads 8 4

# For specs; everything takes many times longer, and SPEC_SLOW stretches the limits of time.
valgrind: all $(UNITS) $(REPLAYS) ## specs under valgrind: make valgrind SUITE=spec/faults [SPEC_SLOW=20]
	@eval "$$($(MAKE) -s env)" && SPEC_SLOW=$(or $(SPEC_SLOW),20) VALGRIND="valgrind -q --leak-check=full \
		--errors-for-leak-kinds=definite,indirect,possible --error-exitcode=9" \
		$(LUA) spec/support/suite.lua $(BUILD) $(or $(SUITE),spec/faults)

herd: all ## tokens at full size: 200 processes, a minute of calls, sessions killed (about 15 min)
	@eval "$$($(MAKE) -s env)" && HERD=full LIMIT=1500 JOBS=1 $(LUA) spec/support/suite.lua $(BUILD) \
		$(or $(SUITE),spec/tokens)

soak: all ## many requests with faults among them, all accounted for: make soak [REQUESTS=100000]
	@eval "$$($(MAKE) -s env)" && $(LUA) spec/soak/soak.lua $(or $(REQUESTS),100000) \
		$(or $(CONCURRENCY),64) $(or $(SHARE),0.05)

fuzz: ## run the fuzz targets: make fuzz RUNS=100000 [TARGET=json]
	@BUILD=$(BUILD) RUNS="$(or $(RUNS),100000)" TARGET="$(TARGET)" spec/fuzz/run.sh

bench: all $(BUILD)/bench/libcurl_loop $(BUILD)/bench/measure ## ratios to a bare libcurl loop: make bench [ROUNDS=7]
	@eval "$$($(MAKE) -s env)" && BUILD=$(BUILD) ROUNDS="$(ROUNDS)" $(LUA) bench/run.lua

bench-http: all $(BUILD)/bench/delay ## HTTP/1.1 or HTTP/2 for large pages: make bench-http [ROUNDS=7]
	@eval "$$($(MAKE) -s env)" && BUILD=$(BUILD) ROUNDS="$(ROUNDS)" $(LUA) bench/http_version.lua

bench-limited: all ## whether fewer calls at a time end the work earlier under limit_req [ROUNDS=3]
	@eval "$$($(MAKE) -s env)" && ROUNDS="$(ROUNDS)" $(LUA) bench/limited.lua

$(BUILD)/bench/%: $(BUILD)/bench/%.o
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcurl

doc: all ## doc/manual.md, from annotations, options, limits and doc/manual/
	@eval "$$($(MAKE) -s env)" && $(LUA) doc/make_manual.lua doc/manual.md

rock: ## install with LuaRocks into build/rock and try it
	@BUILD=$(BUILD) LUA=$(LUA) .ci/rock

fresh: ## prove `make demo` and `make test` on a minimal Debian 12 (as root)
	@.ci/fresh

install: all ## into PREFIX (default /usr/local), below DESTDIR
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/share/lua/5.4"
	install -D -m 755 $(BUILD)/lib/accs/core.so "$(DESTDIR)$(PREFIX)/lib/lua/5.4/accs/core.so"
	install -D -m 755 $(BUILD)/lib/accs/sandbox/native.so "$(DESTDIR)$(PREFIX)/lib/lua/5.4/accs/sandbox/native.so"
	[ ! -f $(BUILD)/lib/accs/redis.so ] || \
		install -D -m 755 $(BUILD)/lib/accs/redis.so "$(DESTDIR)$(PREFIX)/lib/lua/5.4/accs/redis.so"
	install -m 755 $(wildcard lua/bin/*) "$(DESTDIR)$(PREFIX)/bin"
	cd lua && find accs -type f -exec install -D -m 644 {} "$(DESTDIR)$(PREFIX)/share/lua/5.4/{}" \;
	@case "$(PREFIX)" in /usr/local | /usr) ;; *) echo 'For Lua to find it:'; \
		echo '  export LUA_PATH_5_4="$(PREFIX)/share/lua/5.4/?.lua;$(PREFIX)/share/lua/5.4/?/init.lua;;"'; \
		echo '  export LUA_CPATH_5_4="$(PREFIX)/lib/lua/5.4/?.so;;"';; esac

uninstall: ## remove what install put there
	rm -rf "$(DESTDIR)$(PREFIX)/lib/lua/5.4/accs" "$(DESTDIR)$(PREFIX)/share/lua/5.4/accs"
	rm -f "$(DESTDIR)$(PREFIX)/bin/accs" "$(DESTDIR)$(PREFIX)/bin/accs-sandbox"

env: ## shell lines that put the build tree on the paths: eval "$(make -s env)"
	@echo 'export PATH="$(abspath $(BUILD))/bin:$(CURDIR)/lua/bin:$$PATH"'
	@echo 'export LUA_PATH_5_4="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"'
	@echo 'export LUA_CPATH_5_4="$(abspath $(BUILD))/lib/?.so;;"'

clean: ## remove everything that was built
	rm -rf $(BUILD) accs
	find csrc -name '*.o' -delete

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

-include $(patsubst %.o,%.d,$(CORE) $(BINDING) $(SANDBOX) $(REDIS)) $(UNITS:=.d) $(REPLAYS:=.d) $(HOSTS:=.d) $(BUILD)/spec/core/ledger.d
.SECONDARY:
.PHONY: all redis cmocka units units-built demo test check deps lint asan lib oom tsan valgrind herd soak fuzz bench bench-http bench-limited doc rock fresh install uninstall env clean help
