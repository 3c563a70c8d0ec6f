#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A PostgreSQL of the tests' own: postgres.sh start FOLDER prints its address, postgres.sh stop FOLDER ends it,
# postgres.sh serve FOLDER does both: it stops when its input ends, so that no server outlives a test that crashed.
# Needs Debian's postgresql-15; exits 77 where it is missing. As root it runs as a user of its own: initdb refuses root.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
action=$1
folder=$2
[ -n "$bin" ] && [ -x "$bin/initdb" ] || exit 77

as_server() {
  if [ "$(id -u)" = 0 ]; then
    id troupe-test >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin troupe-test
    runuser -u troupe-test -- "$@"
  else
    "$@"
  fi
}

case $action in
serve)
  "$0" start "$folder" || exit $?
  exec >&-
  cat >/dev/null
  exec "$0" stop "$folder"
  ;;
start)
  mkdir -p "$folder"
  [ "$(id -u)" = 0 ] && { id troupe-test >/dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin troupe-test; chown troupe-test "$folder"; }
  cd "$folder"
  as_server "$bin/initdb" -D "$folder/data" -U troupe -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder.log" 2>&1
  # A port of its own is found by trying: the kernel gives a free one, which another process may take in between.
  for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    if as_server "$bin/pg_ctl" -D "$folder/data" -w -t 30 -l "$folder/log" start \
      -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c fsync=off -c max_connections=50" >>"$folder.log" 2>&1; then
      echo "postgresql://troupe@127.0.0.1:$port/postgres"
      exit 0
    fi
  done
  cat "$folder.log" >&2
  exit 1
  ;;
stop)
  as_server "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$folder" "$folder.log"
  ;;
*)
  echo "usage: postgres.sh serve|start|stop FOLDER" >&2
  exit 2
  ;;
esac
