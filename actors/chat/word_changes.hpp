// SPDX-License-Identifier: GPL-3.0-or-later
// What one list of words has that another has not, for the moderators' log.
// Thread: any.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "actors/chat/messages.hpp"

namespace troupe::chat {

/// JSON objects for the log's details, none when the lists are the same:
///   {"count":2,"added":[{"word":"…","action":"mask"}],"removed":[{"word":"…","action":"hold"}],
///    "changed":[{"word":"…","from":"mask","to":"hold"}]}
/// count: of the list afterwards. With more than most changes the rest stands in further objects,
/// so that no entry of the log grows beyond what a page of them may hold. A list that was only put
/// in another order gives one object without changes.
std::vector<std::string> word_changes(const std::vector<word_rule>& before,
                                      const std::vector<word_rule>& after, std::size_t most);

}  // namespace troupe::chat
