// SPDX-License-Identifier: GPL-3.0-or-later
// The command line as plain data. Thread: plain data and one pure function.
#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace troupe::cli {

struct serve {};

struct check_config {};

struct status {};

struct tree {};

struct where {
  std::string name;  ///< KIND/ID
};

struct create_user {
  std::string username;
  std::string email;
  bool is_administrator = false;
};

struct set_password {
  std::string username;
};

struct rotate_token_key {
  bool ends_older = false;
};

struct version {};

using command = std::variant<serve, check_config, status, tree, where, create_user, set_password,
                             rotate_token_key, version>;

struct invocation {
  command what;
  std::optional<std::filesystem::path> config;  ///< --config; nothing: ./cluster.conf, or defaults
  std::string node;   ///< --node; empty: the only one, or the first that answers
  bool json = false;  ///< --json
};

/// What to print instead of doing anything: help (exit code 0) or what was wrong (2).
struct no_invocation {
  int exit_code = 0;
  std::string text;
};

/// arguments: without the program's name.
std::expected<invocation, no_invocation> parse_command_line(std::vector<std::string> arguments);

}  // namespace troupe::cli
