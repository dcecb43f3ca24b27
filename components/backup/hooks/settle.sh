#!/bin/bash
# Velero runs this in the database's container after it copied the dump volume. What a dump that was ended left behind goes; the
# newest whole dump stays until the next one, as proof of the backup and as the quickest way back.
. "$(dirname "$0")/connect.sh"
limit "$@"

rm -rf "$dumps/next"
[ -f "$manifest" ] || fail "there is no dump in $current: the backup holds none"
