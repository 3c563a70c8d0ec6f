// SPDX-License-Identifier: GPL-3.0-or-later
// What was decided to be gone, so that nothing quotes it any more: from the decision until it is
// stored, and beyond that until every look-up is over that may have read it before. Bounded by the
// room's commands that wait. Thread: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.hpp"

namespace troupe::chat {

class removals {
 public:
  void add_message(id message_id) { pending_.push_back({message_id, 0, {}, 0}); }

  /// Everything that the user said before.
  void add_user(user_id user) { pending_.push_back({0, user, {}, 0}); }

  /// These decisions are stored, and the room's ring obeys them; last: the highest message id then.
  void settle(const std::vector<id>& messages, const std::vector<user_id>& users, id last);

  bool has(id message_id, user_id author) const;
  bool has_pending(id message_id) const;

  /// Around a look-up of a message in the store.
  std::uint64_t begin_reading();
  void end_reading(std::uint64_t number);

 private:
  struct removal {
    id message_id = 0;  // or
    user_id user = 0;
    std::optional<id> last;         // settled: what was said later stands
    std::uint64_t begun_until = 0;  // settled: look-ups from this number on know of it
  };

  std::vector<removal> pending_;  // and settled ones that an old look-up may not know
  std::set<std::uint64_t> reading_;
  std::uint64_t begun_ = 0;
};

}  // namespace troupe::chat
