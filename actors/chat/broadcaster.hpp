// SPDX-License-Identifier: GPL-3.0-or-later
// What a RoomRelay hands to the sockets of its node: bytes encoded once, the same for everybody.
// Implemented by net/ws. Thread: every function from any thread; none blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace troupe::chat {

/// One JSON object of docs/chat-protocol.md, unframed.
struct broadcast {
  std::int64_t seq = 0;  ///< 0: a notice, which is not numbered
  shared_bytes json;
  bool for_moderators = false;  ///< a notice for the channel's moderators and owner alone
  user_id for_user = 0;         ///< of a notice: for this user's sockets here and now alone
  // Of a message that stands, for who keeps it: it may be deleted or cleared later.
  id message_id = 0;
  user_id author = 0;
  id quoted_id = 0;  ///< of a reply whose quote has a text
  user_id quoted_author = 0;
};

class broadcaster {
 public:
  virtual ~broadcaster() = default;

  /// Numbered ones in their order; a gap between calls means that events are lost (told by missed).
  virtual void publish(user_id room, std::vector<broadcast> what) = 0;

  /// How many sockets of this node are in the room, those that still wait for their welcome
  /// included: a relay ends when there was none for a minute.
  virtual std::size_t listeners(user_id room) const = 0;
};

}  // namespace troupe::chat
