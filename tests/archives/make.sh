#!/usr/bin/env bash
# Makes the archives in this folder anew. Needs servers with the databases of odd.sql and small.sql (named so), and clients:
#
#   PGHOST=… PGUSER=… PG15="BIN PORT" PG16="BIN PORT" PG17="BIN PORT" PG18="BIN PORT" tests/archives/make.sh
#
# BIN is the folder of a major's client programs, PORT that of a server of that major or an older one.
# expected.jsonl comes from the server itself, without the help of any archive.
set -euo pipefail
cd "$(dirname "$0")"

dump() { # dump MAJOR DATABASE [OPTION…]: through a pipe, as pgcoffer does
    local -n place="PG$1"
    local bin=${place% *} port=${place#* } database=$2
    "$bin/pg_dump" --port="$port" --format=custom --compress=0 "${@:3}" "$database" | cat
}
keep() { zstd -q -19 -f -o "$1.dump.zst"; }

for major in 15 16 17 18; do
    dump "$major" odd | keep "odd-$major"
done
dump 15 odd --inserts | keep odd-15-inserts
dump 18 odd --schema-only | keep odd-18-schema
for minor in 12 13; do
    dump 15 odd | ./downgrade.py "$minor" | keep "odd-1.$minor"
done
dump 15 small | keep small-15
dump 18 small | keep small-18

# Through a shell's redirection clients 17 and 18 append a second table of contents.
append() { # append MAJOR NAME [OPTION…]
    local -n place="PG$1"
    local bin=${place% *} port=${place#* } file
    file=$(mktemp)
    "$bin/pg_dump" --port="$port" --format=custom --compress=0 "${@:3}" > "$file"
    keep "$2" < "$file"
    rm "$file"
}
append 17 small-17-appended small
append 18 odd-18-appended odd
append 18 odd-18-statistics-appended odd --statistics

port=${PG15#* }
tables="SELECT format('%I.%I', nspname, relname), json_build_object('schema', nspname, 'name', relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY nspname COLLATE \"C\", relname COLLATE \"C\""
query() { psql -X -q -A -t -p "$port" -d odd "$@"; }
query -c "SELECT count(*) FROM ($tables) t" >&2
{
    query -z -0 -F $'\x1f' -c "$tables" | while IFS=$'\x1f' read -r -d '' name object; do
        rows=$(query -c "SELECT count(*) FROM $name")
        bytes=$(query -c "COPY $name TO STDOUT" | wc -c)
        printf '%s' "$object" | jq -c --argjson rows "$rows" --argjson bytes "$bytes" '. + {rows: $rows, bytes: $bytes}'
    done
} > expected.jsonl
