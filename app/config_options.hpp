// SPDX-License-Identifier: GPL-3.0-or-later
// The table of every option: where it stands in the file, what it takes, where its value goes. An
// option exists by being in this table; parser, messages, defaults and tests all read it.
// Thread: immutable after the first call.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

// toml++ 3.3 asserts what a file can break: "[.a]" ended the program (found by config_fuzz). So its
// assertions throw, and config_parse.cpp catches them where it parses. With NDEBUG it would turn
// them into undefined behaviour instead.
namespace troupe::app {

struct toml_assertion {};

}  // namespace troupe::app

#undef NDEBUG
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(condition) ((condition) ? void() : throw ::troupe::app::toml_assertion{})
#include <toml++/toml.h>

#include "app/config.hpp"

namespace troupe::app {

/// What a value is written into while a file is read.
struct config_target {
  config& whole;
  node_config* node;  ///< the [[node]] block being read
  const std::filesystem::path& folder;
};

struct config_option {
  std::string_view section;
  std::string_view key;
  std::string expected;
  std::string default_text;  ///< as TOML; empty when there is none
  /// False, and nothing written, when the value is not what is expected.
  std::function<bool(config_target&, const toml::node&)> apply;
};

std::span<const config_option> config_options();

/// A path as the file means it: relative ones are relative to the file's folder.
std::filesystem::path resolve(const std::filesystem::path& folder, std::string_view written);

/// The same for the path inside "sqlite:PATH" or "file:PATH"; other text stays as it is.
std::string resolve_scheme(const std::filesystem::path& folder, std::string_view written);

}  // namespace troupe::app
