# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Installs what is missing of scripts/packages.txt. Sourced; needs say.sh.

has_usable_node() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    [ "$(node -p 'Number(process.versions.node.split(".")[0]) >= 18')" = true ]
}

# missing_packages GROUP…: one a line.
missing_packages() {
  local package group groups wanted=()
  while read -r package groups; do
    case $package in '' | '#'*) continue ;; esac
    case $package in nodejs | npm) if has_usable_node; then continue; fi ;; esac
    for group in "$@"; do
      case " $groups " in *" $group "*)
        wanted+=("$package")
        break
        ;;
      esac
    done
  done <scripts/packages.txt
  local installed
  # shellcheck disable=SC2016  # dpkg-query expands it
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
    sed -n 's/^installed //p')
  printf '%s\n' "${wanted[@]}" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

install_packages() {
  command -v dpkg-query >/dev/null || fail "this is written for Debian 12; elsewhere install what scripts/packages.txt lists"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  say "Installing ${#missing[@]} Debian packages and what they need (the first time, a few minutes):"
  printf '    %s\n' "$(printf '%s ' "${missing[@]}" | fold -s -w 96 | sed '2,$s/^/    /')"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600)
  quietly build/logs/apt-update.log as_root "${apt[@]}" update
  quietly build/logs/apt-install.log as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
}
