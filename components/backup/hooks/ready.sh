#!/bin/bash
# The database's readiness. One that was made anew beside a dump of another is about to be loaded, and a service that found it
# empty would fill it with what the load then throws away.
pg_isready --quiet --host=127.0.0.1 || exit 1
current=$DUMP_PATH/current
manifest=$current/manifest.json
[ -f "$manifest" ] || exit 0
own=$(pg_controldata "$PGDATA" | sed -n 's/^Database system identifier: *//p')
grep -q "\"systemIdentifier\": \"$own\"" "$manifest" && exit 0
[ "$(cat "$current/loaded" 2> /dev/null)" = "$own" ] && exit 0
echo "this database is new, and $current holds the dump of another, which was not loaded: run $(dirname "$0")/load.sh 1800, or delete $current to begin empty" >&2
exit 1
