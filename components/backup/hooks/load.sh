#!/bin/bash
# Velero runs this in the database's container after a restore: it loads the dump that came back with the dump volume into the
# database that was made for it, and compares the two. By hand it does the same. Argument: the seconds that it may take.
. "$(dirname "$0")/connect.sh"
limit "$@"

[ -f "$manifest" ] || fail "there is no dump in $current, so there is nothing to load"
# Over the network nobody reaches the temporary server of a first start.
until pg_isready --quiet; do sleep 0.2; done

if [ "$(own)" = "$(field systemIdentifier)" ]; then
  fail "this is the database that the dump was made of: loading it would throw away what was written since"
fi
if [ "$(cat "$current/loaded" 2> /dev/null)" = "$(own)" ]; then
  say "the dump was loaded before; nothing was changed"
  exit 0
fi
[ "$(sha256sum < "$current/dump" | cut -c1-64)" = "$(field sha256)" ] || fail "the dump is not the one of its manifest: it is damaged"

# All or nothing. The service is kept out meanwhile: the database is not ready (ready.sh).
pg_restore --clean --if-exists --single-transaction --exit-on-error --dbname="$PGDATABASE" "$current/dump"
query --command=ANALYZE

want=$(query --set=manifest="$(cat "$manifest")" <<< "SELECT t ->> 'table', t ->> 'rows', t ->> 'checksum' FROM json_array_elements(:'manifest'::json -> 'tables') AS t ORDER BY 1;")
loaded=$(query --file="$hooks/tables.sql" | query --command="CREATE TEMPORARY TABLE line (t json)" --command="COPY line FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')" \
  --command="SELECT t ->> 'table', t ->> 'rows', t ->> 'checksum' FROM line ORDER BY 1")
if [ "$want" != "$loaded" ]; then
  diff <(echo "$want") <(echo "$loaded") >&2 || true
  fail "what was loaded is not what was dumped (table|rows|checksum, < dumped, > loaded)"
fi
own > "$current/loaded"
say "loaded $(wc -l <<< "$loaded") tables, equal to the dump of $(field finishedAt)"
