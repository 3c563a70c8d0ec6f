// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/message_registry.hpp"

#include "base/check.hpp"

namespace troupe::runtime {

void message_registry::add(const message_type& type) {
  const auto [at, added] = types_.try_emplace(std::string(type.name), &type);
  TROUPE_CHECK(added || at->second == &type, "two message types have one name");
}

const message_type* message_registry::find(std::string_view name) const {
  const auto at = types_.find(name);
  return at == types_.end() ? nullptr : at->second;
}

std::vector<const message_type*> message_registry::all() const {
  std::vector<const message_type*> found;
  found.reserve(types_.size());
  for (const auto& [name, type] : types_) {
    found.push_back(type);
  }
  return found;
}

}  // namespace troupe::runtime
