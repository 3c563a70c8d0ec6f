// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/entity_name.hpp"

#include <algorithm>

namespace troupe::runtime {

namespace {

constexpr std::size_t longest_kind = 32;  // a metric label and a column
constexpr std::size_t longest_id = 128;   // a column that is a key

bool is_kind_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

entity_name entity_name_of(std::string_view kind, troupe::id number) {
  return {std::string(kind), std::to_string(number)};
}

std::string to_string(const entity_name& name) {
  return name.kind + "/" + name.id;
}

bool is_valid(const entity_name& name) {
  const auto& kind = name.kind;
  const auto& id = name.id;
  return !kind.empty() && kind.size() <= longest_kind && kind[0] >= 'a' && kind[0] <= 'z' &&
         std::ranges::all_of(kind, is_kind_letter) && !id.empty() && id.size() <= longest_id &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::optional<entity_name> parse_entity_name(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return std::nullopt;
  }
  entity_name name{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  if (!is_valid(name)) {
    return std::nullopt;
  }
  return name;
}

}  // namespace troupe::runtime
