#!/bin/bash
# Starts PostgreSQL. An empty data folder is first made a database cluster, from the official image's variables:
# POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE (required), POSTGRES_USER (postgres), POSTGRES_DB (as POSTGRES_USER), PGDATA.
set -euo pipefail

user="${POSTGRES_USER:-postgres}"
database="${POSTGRES_DB:-$user}"

if [ "${1:-postgres}" != postgres ]; then
  exec "$@"
fi

# Made aside and renamed when whole: a kill in the middle must not leave half a database.
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
    POSTGRES_PASSWORD="$(< "$POSTGRES_PASSWORD_FILE")"
  fi
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo "postgres: POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE must be set for the first start" >&2
    exit 1
  fi
  new="$PGDATA.new"
  rm -rf "$new"
  mkdir -p "$new"
  chmod 700 "$new"
  # A here-string keeps the password out of the process list.
  initdb --pgdata="$new" --username="$user" --encoding=UTF8 --locale=C.UTF-8 --auth-local=trust --auth-host=scram-sha-256 \
    --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
  echo "host all all all scram-sha-256" >> "$new/pg_hba.conf"
  if [ "$database" != postgres ]; then
    postgres --single -j -D "$new" postgres <<< "CREATE DATABASE \"${database//\"/\"\"}\";"
  fi
  rmdir "$PGDATA" 2> /dev/null || true
  mv -T "$new" "$PGDATA"
fi
unset POSTGRES_PASSWORD

exec "$@" -D "$PGDATA" -c listen_addresses='*'
