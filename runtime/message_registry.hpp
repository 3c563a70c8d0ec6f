// SPDX-License-Identifier: GPL-3.0-or-later
// Message types by their name on the wire: what turns bytes from a disk or another node back into
// structs. Filled by entities::add_kind; the names are the same on every node.
// Thread: add() before use from several threads, find() from any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/message.hpp"

namespace troupe::runtime {

class message_registry {
 public:
  /// A second, different type under one name ends the program: it is a bug of ours that would
  /// corrupt data.
  void add(const message_type& type);

  template <message... Ms>
  void add(messages<Ms...>) {
    (add(type_of<Ms>()), ...);
  }

  /// Nothing for a name this program does not know.
  const message_type* find(std::string_view name) const;
  std::vector<const message_type*> all() const;

 private:
  std::map<std::string, const message_type*, std::less<>> types_;
};

}  // namespace troupe::runtime
