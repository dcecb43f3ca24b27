# What the hooks share. As the service does, they come over the network with the Secret's password: a Secret that does not open
# the database is found by the backup, not by its restore.
set -euo pipefail
umask 077

dumps=$DUMP_PATH
current=$dumps/current
manifest=$current/manifest.json
hooks=$(dirname "$0")

say() { echo "$(basename "$0"): $*" >&2; }
fail() {
  say "$@"
  exit 1
}

# limit ends the whole hook after as many seconds, before Velero stops waiting for it: what Velero leaves goes on running.
limit() {
  case "${1:-}" in
    "" | *[!0-9]*) fail "want one argument, the seconds that it may take; got '${1:-}'" ;;
  esac
  if [ -z "${OPEX_LIMITED:-}" ]; then
    local seconds=$1 status=0
    OPEX_LIMITED=1 timeout --kill-after=5 "$seconds" "$0" "$seconds" || status=$?
    [ "$status" -ne 124 ] || fail "not done after $seconds s, so it was ended"
    exit "$status"
  fi
  trap 'exit 143' TERM # so that what stands in a trap on EXIT is done
}

PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD PGHOST="$POD_IP" PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB" PGCONNECT_TIMEOUT=10 PGTZ=UTC PGDATESTYLE=ISO

query() { psql --no-psqlrc --no-align --tuples-only --quiet --set=ON_ERROR_STOP=1 "$@"; }

# field reads one field of the manifest; PostgreSQL knows JSON.
field() { query --set=manifest="$(cat "$manifest")" <<< "SELECT :'manifest'::json ->> '$1';"; }

# own tells this database cluster from all others: PostgreSQL draws it when it makes one.
own() { query --command='SELECT system_identifier FROM pg_control_system()'; }

mebibytes() { echo "$((($1 + 1048575) / 1048576)) MiB"; }
