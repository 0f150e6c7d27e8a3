#!/bin/sh
# usage: make fuzz RUNS=N [TARGET=json]
# Builds the fuzz targets with clang's libFuzzer and runs each N times over its corpus. New finds
# stay in BUILD/fuzz/corpus; what crashed stays in BUILD/fuzz and its path is printed.
set -eu
dir=${BUILD:-build}/fuzz
clang=$(command -v clang-14 || command -v clang) || { echo "clang is missing: make deps" >&2; exit 1; }
make -s BUILD="$dir" CC="$clang" STRICT= \
    CFLAGS="-g -O2 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
    "$dir/core.a"
for source in spec/fuzz/fuzz_${TARGET:-*}.c; do
    [ -f "$source" ] || { echo "no fuzz target: $source" >&2; exit 1; }
    name=$(basename "$source" .c)
    words=${name#fuzz_}
    mkdir -p "$dir/corpus/$words" "spec/fuzz/corpus/$words"
    "$clang" -std=c11 -D_GNU_SOURCE -iquote csrc/core -g -O2 -fsanitize=fuzzer,address,undefined \
        -fno-sanitize-recover=undefined "$source" "$dir/core.a" -o "$dir/$name" \
        -lcurl -lssl -lcrypto -lz -lpthread
    echo "== $name, $RUNS runs"
    dictionary=
    [ ! -f "spec/fuzz/$words.dict" ] || dictionary="-dict=spec/fuzz/$words.dict"
    # shellcheck disable=SC2086  # may be empty
    "$dir/$name" -runs="$RUNS" -artifact_prefix="$dir/" $dictionary -max_len=65536 -timeout=10 \
        -verbosity=0 -print_final_stats=1 "$dir/corpus/$words" "spec/fuzz/corpus/$words"
done
