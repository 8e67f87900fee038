#!/bin/bash
# What the official image's entry point promises, for the variables that charts use: the first start makes the database
# and runs /docker-entrypoint-initdb.d, every start then becomes the server, or whatever other command was asked for.
set -Eeo pipefail

fail() {
  echo >&2 "error: $*"
  exit 1
}

# NAME, or the content of the file that NAME_FILE names, or a default
from_file() {
  local name=$1 file="$1_FILE" value=${2:-}
  [ -z "${!name:-}" ] || [ -z "${!file:-}" ] || fail "both $name and $file are set (but are exclusive)"
  if [ -n "${!name:-}" ]; then value=${!name}; elif [ -n "${!file:-}" ]; then value=$(<"${!file}"); fi
  export "$name"="$value"
  unset "$file"
}

initialise() {
  [ -n "$POSTGRES_PASSWORD" ] || [ "${POSTGRES_HOST_AUTH_METHOD:-}" = trust ] ||
    fail 'Database is uninitialized and superuser password is not specified: set POSTGRES_PASSWORD'
  local arguments=()
  eval "arguments=(${POSTGRES_INITDB_ARGS:-})"
  [ -z "${POSTGRES_INITDB_WALDIR:-}" ] || arguments+=(--waldir "$POSTGRES_INITDB_WALDIR")
  initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") "${arguments[@]}"
  printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
}

prepare() {
  # Reached by its unix socket only, so that nobody takes the half-made database for the real one.
  PGPASSWORD= pg_ctl -D "$PGDATA" -o "-c listen_addresses='' -p ${PGPORT:-5432}" -w start
  export PGPASSWORD=$POSTGRES_PASSWORD
  local psql=(psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password --no-psqlrc)
  if [ -z "$("${psql[@]}" --dbname postgres -Atc "SELECT 1 FROM pg_database WHERE datname = '$POSTGRES_DB'")" ]; then
    "${psql[@]}" --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
  fi
  local file
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) "${psql[@]}" --dbname "$POSTGRES_DB" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | "${psql[@]}" --dbname "$POSTGRES_DB" ;;
      *) echo "$0: ignoring $file" ;;
    esac
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  unset PGPASSWORD
  echo 'PostgreSQL init process complete; ready for start up.'
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
if [ "$1" = postgres ]; then
  export PGDATA=${PGDATA:-/var/lib/postgresql/data}
  mkdir -p "$PGDATA"
  chmod 00700 "$PGDATA" || :
  if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/run/postgresql
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    from_file POSTGRES_INITDB_ARGS
    initialise
    prepare
  fi
fi
exec "$@"
