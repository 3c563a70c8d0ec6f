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

struct move {
  std::string name;  ///< KIND/ID
  std::string to;    ///< a node
};

struct drain {
  std::string node;
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

struct make_ca {
  std::filesystem::path out;  ///< a folder
};

struct make_node_certificate {
  std::string name;
  std::filesystem::path ca;   ///< the folder that make_ca wrote
  std::filesystem::path out;  ///< a folder
  std::vector<std::string> hosts;
};

struct version {};

using command =
    std::variant<serve, check_config, status, tree, where, move, drain, create_user, set_password,
                 rotate_token_key, make_ca, make_node_certificate, version>;

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
