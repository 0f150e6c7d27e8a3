# accs: build, tests and the rest. `make help` lists the targets.
.DEFAULT_GOAL := all
BUILD ?= build
LUA ?= lua5.4
CC ?= cc
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Werror
BASE := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -MMD -MP
LUA_CFLAGS := $(shell $(PKG_CONFIG) --cflags lua5.4 2>/dev/null)

CORE := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/core/*.c))
BINDING := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/lua/*.c))
SANDBOX := $(patsubst %.c,$(BUILD)/%.o,$(wildcard csrc/sandbox/*.c))
UNITS := $(patsubst spec/core/%.c,$(BUILD)/spec/core/%,$(wildcard spec/core/test_*.c))

all: $(BUILD)/lib/accs/core.so $(BUILD)/lib/accs/sandbox/native.so

$(BUILD)/csrc/core/%.o: csrc/core/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(WARNINGS) $(CFLAGS) -c $< -o $@

$(BUILD)/csrc/lua/%.o: csrc/lua/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(WARNINGS) $(CFLAGS) $(LUA_CFLAGS) -Icsrc/core -c $< -o $@

$(BUILD)/csrc/sandbox/%.o: csrc/sandbox/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE) $(WARNINGS) $(CFLAGS) $(LUA_CFLAGS) -c $< -o $@

$(BUILD)/lib/accs/core.so: $(CORE) $(BINDING)
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -o $@ $^ -lcurl -lcrypto -lz

$(BUILD)/lib/accs/sandbox/native.so: $(SANDBOX)
	@mkdir -p $(@D)
	$(CC) -shared $(LDFLAGS) -o $@ $^ -lmicrohttpd -lsqlite3 -lcrypto

$(BUILD)/spec/core/%: spec/core/%.c $(CORE)
	@mkdir -p $(@D)
	$(CC) $(BASE) $(WARNINGS) $(CFLAGS) -Icsrc/core -o $@ $< $(CORE) $(LDFLAGS) -lcmocka -lcurl -lcrypto -lz -lpthread

units: $(UNITS)
	@set -e; for unit in $(UNITS); do $$unit; done

env:
	@echo 'export PATH="$(CURDIR)/lua/bin:$$PATH"'
	@echo 'export LUA_PATH_5_4="$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;"'
	@echo 'export LUA_CPATH_5_4="$(CURDIR)/$(BUILD)/lib/?.so;;"'

clean:
	rm -rf $(BUILD)

-include $(CORE:.o=.d) $(BINDING:.o=.d) $(SANDBOX:.o=.d)
.PHONY: all units env clean
