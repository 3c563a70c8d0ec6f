# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Compiles the program and the page. Sourced; needs say.sh. A second call finds nothing to do.

# A translation unit of ours takes up to 1.5 GB under g++ -O2: fewer jobs than cores on a small machine.
build_jobs() {
  local by_memory cores
  by_memory=$(awk '/^MemAvailable/ { print int($2 / 1500000) }' /proc/meminfo)
  cores=$(nproc)
  [ "$by_memory" -ge 1 ] || by_memory=1
  echo $((by_memory < cores ? by_memory : cores))
}

# build_program PRESET [TARGET…]
build_program() {
  local preset=$1
  shift
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "Configuring build/$preset"
    quietly "build/logs/configure-$preset.log" cmake --preset "$preset"
  fi
  local ninja=(ninja -C "build/$preset" -j "$(build_jobs)")
  if "${ninja[@]}" -n "$@" 2>/dev/null | grep -q 'no work to do'; then
    return
  fi
  say "Compiling build/$preset (the first time, several minutes)"
  if [ -t 1 ]; then
    "${ninja[@]}" "$@"
  else
    "${ninja[@]}" --quiet "$@"
  fi
}

# npm_packages FOLDER: node_modules as package-lock.json says.
npm_packages() {
  local folder=$1 hash
  hash=$(sha256sum <"$folder/package-lock.json")
  if [ -d "$folder/node_modules" ] && stamped "npm-${folder//\//-}" "$hash"; then
    return
  fi
  say "Installing npm packages for $folder"
  quietly "build/logs/npm-${folder//\//-}.log" \
    npm --prefix "$folder" ci --no-audit --no-fund --loglevel=error
  stamp "npm-${folder//\//-}" "$hash"
}

# build_page: web/dist.
build_page() {
  npm_packages web
  local hash
  hash=$(find web -type f -not -path '*/node_modules/*' -not -path 'web/dist/*' -print0 |
    sort -z | xargs -0 sha256sum | sha256sum)
  if [ -f web/dist/index.html ] && stamped page "$hash"; then
    return
  fi
  say "Building the page"
  quietly build/logs/page.log npm --prefix web run build
  stamp page "$hash"
}
