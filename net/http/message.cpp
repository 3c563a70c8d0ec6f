// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/message.hpp"

#include <algorithm>

namespace troupe::http {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string_view> first_value(const pairs& list, std::string_view name) {
  const auto found = std::ranges::find(list, name, &pairs::value_type::first);
  return found == list.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

}  // namespace

std::optional<std::string_view> request::header(std::string_view name) const {
  return first_value(headers, name);
}

std::optional<std::string_view> request::query_value(std::string_view name) const {
  return first_value(query, name);
}

}  // namespace troupe::http
