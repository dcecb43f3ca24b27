#!/bin/bash
# Velero runs this in the database's container before it copies the dump volume. It leaves a dump and its manifest in
# the folder current of the dump volume, or fails and leaves what was there before. Argument: the seconds that it may take.
. "$(dirname "$0")/connect.sh"
limit "$@"

next=$dumps/next
trap 'rm -rf "$next"' EXIT
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# One session holds the lock, and the snapshot that dump, counts and checksums are of.
coproc SESSION { query; }
ask() { echo "$1" >&"${SESSION[1]}"; }
hear() { read -r "$1" <&"${SESSION[0]}" || fail "the database did not answer; its own log says why"; }
ask "SELECT pg_try_advisory_lock(hashtext('opex-backup'));"
hear locked
[ "$locked" = t ] || fail "another dump of this database is running"

bytes=$(query --command='SELECT pg_database_size(current_database())')
# Without an earlier dump to go by, as much room as the database itself takes.
need=$bytes had=0
if [ -f "$manifest" ]; then
  had=$(field dumpBytes)
  need=$((had / 1024 * bytes / $(field databaseBytes) * 5 / 4 * 1024))
fi
room() { df --output=avail --block-size=1 "$dumps" | tail -n 1; }
rm -rf "$next"
if [ "$(room)" -lt "$need" ] && [ $(($(room) + had)) -ge "$need" ]; then
  say "the dump of before makes room"
  rm -rf "$current"
fi
[ "$(room)" -ge "$need" ] ||
  fail "$dumps has room for $(mebibytes "$(room)"), and the dump needs about $(mebibytes "$need"): enlarge database.dumpSize and the claim"

query --command=CHECKPOINT
mkdir "$next"
ask "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();"
hear snapshot
pg_dump --format=custom --compress=1 --snapshot="$snapshot" --file="$next/dump"

ask "\\i $hooks/tables.sql"
ask "SELECT 'end';"
tables=""
while hear line && [ "$line" != end ]; do
  tables+="${tables:+,}"$'\n    '"$line"
done
ask "COMMIT;"

entries=$(pg_restore --list "$next/dump" | grep -c ' TABLE DATA ' || true)
wanted=$(grep -c '"table"' <<< "$tables" || true)
[ "$entries" -eq "$wanted" ] || fail "the dump holds $entries tables, and the database has $wanted"

cat > "$next/manifest.json" << JSON
{
  "version": 1,
  "database": "$PGDATABASE",
  "systemIdentifier": "$(own)",
  "startedAt": "$started",
  "finishedAt": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
  "databaseBytes": $bytes,
  "dumpBytes": $(stat --format=%s "$next/dump"),
  "sha256": "$(sha256sum < "$next/dump" | cut -c1-64)",
  "tables": [$tables
  ]
}
JSON
query --set=manifest="$(cat "$next/manifest.json")" <<< "SELECT :'manifest'::json -> 'version';" > /dev/null # it is JSON
sync "$next/dump" "$next/manifest.json" "$next"
rm -rf "$current"
mv -T "$next" "$current"
sync "$dumps"
say "$(mebibytes "$(field dumpBytes)") for a database of $(mebibytes "$bytes"), $wanted tables"
