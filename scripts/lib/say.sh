# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Words to the person at the terminal, and the way to root. Sourced by every script.

say() {
  if [ -t 1 ]; then
    printf '\033[1m==>\033[0m %s\n' "$*"
  else
    printf '==> %s\n' "$*"
  fi
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "root is needed for: $* (become root, or install sudo)"
  fi
}

# quietly LOG COMMAND…: shows the output only if the command fails.
quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    fail "this failed: $* (the whole output: $log)"
  fi
}

# stamped NAME HASH: whether the work called NAME was last done for this HASH. stamp NAME HASH: now it is.
stamped() {
  [ -f "build/stamps/$1" ] && [ "$(cat "build/stamps/$1")" = "$2" ]
}

stamp() {
  mkdir -p build/stamps
  printf '%s\n' "$2" >"build/stamps/$1"
}
