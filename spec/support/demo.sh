#!/bin/sh
# What `make demo` shows: a sales report, made from a sandbox that lives just as long.
set -eu

echo
echo '$ accs report sales --from 2026-01-01 --to 2026-06-30 --by month'
folder=$(mktemp -d)
mkfifo "$folder/stdin" "$folder/stdout"
accs-sandbox <"$folder/stdin" >"$folder/stdout" &
sandbox=$!
# The sandbox stops when this end closes, so also when this script dies.
exec 3>"$folder/stdin" 4<"$folder/stdout"
rm -r "$folder"
for _ in 1 2 3 4 5; do
    read -r line <&4 || { echo "the sandbox did not start" >&2; exit 1; }
    export "${line?}"
done
code=0
accs report sales --from 2026-01-01 --to 2026-06-30 --by month || code=$?
exec 3>&-
wait "$sandbox" || { echo "the sandbox ended with an error" >&2; exit 1; }
exit "$code"
