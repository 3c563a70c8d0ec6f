// SPDX-License-Identifier: GPL-3.0-or-later
// The entity's half of "exactly once within a session": per sender the last number applied and the
// last answers, kept with durable state for 10 minutes of silence. Thread: one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "runtime/detail/command.hpp"
#include "runtime/detail/reply_path.hpp"
#include "runtime/session.hpp"

namespace troupe::runtime::detail {

constexpr std::size_t answers_kept = 64;                     // design.md section 3
constexpr duration silence_kept = std::chrono::minutes(10);  // design.md section 3

enum class verdict : std::uint8_t {
  apply,         ///< it is the next one
  repeated,      ///< it has been applied: its first answer again
  expected,      ///< something before it is missing
  session_lost,  ///< the sender is not known, and it may have been applied: never again
  closed,        ///< the sender no longer waits for it: not applied
};

class sender_table {
 public:
  explicit sender_table(std::size_t sender_limit) : limit_(sender_limit) {}

  struct admission {
    detail::verdict verdict = verdict::closed;
    std::uint64_t expected = 0;
    std::optional<erased_answer> answer;  ///< repeated: nothing while it is still being worked on
  };

  /// With apply the number counts as applied from now on. type: what a stored answer is decoded as.
  admission admit(const claimed_order& order, const message_type& type, wall_time now);
  void record(const sender& from, const message_type& type, erased_answer answer);
  /// The lane of a sender on this node: when it is gone and was answered, so is its record.
  void note_local(const session_id& session, std::weak_ptr<const reply_path> via);

  /// From now on everybody who had something applied by an activation of this epoch or a later one
  /// is in here, or was forgotten: so that who is not, and was never forgotten, is new. 0: by any
  /// activation ever, because the table was stored with the state.
  void complete_since(std::uint64_t epoch) { complete_since_ = std::min(complete_since_, epoch); }

  /// What a commit stores; forgets whom silence or death has made uninteresting.
  bytes save(wall_time now);
  /// False when the bytes are not of this type.
  [[nodiscard]] bool load(byte_view data);
  void clear();

  std::uint64_t complete_since() const { return complete_since_; }

  std::size_t size() const { return senders_.size(); }

 private:
  struct kept_answer {
    std::uint64_t number = 0;
    const message_type* native_type = nullptr;  // nothing after load, then:
    std::string stored_type;
    std::optional<bytes> encoded;
    erased_answer native;  // the answer, or the error it was

    std::string_view type() const { return native_type ? native_type->name : stored_type; }
  };

  struct entry {
    std::uint64_t last = 0;
    wall_time heard;
    std::vector<kept_answer> answers;  // at most answers_kept
    std::weak_ptr<const reply_path> via;
    bool is_local = false;
    std::list<session_id>::iterator age;
  };

  entry& add(const session_id& session, wall_time now);
  void drop_dead();
  bool would_know(const claimed_order& order, wall_time now) const;
  void forget(const session_id& session);
  void touch(entry& e, wall_time now);
  admission repeat(const entry& e, std::uint64_t number, const message_type& type) const;

  std::size_t limit_;
  std::size_t sweep_at_ = 64;  // senders that are gone are forgotten from here on
  std::map<session_id, entry> senders_;
  std::list<session_id> by_age_;  // longest silent first
  std::uint64_t complete_since_ = std::numeric_limits<std::uint64_t>::max();
  std::optional<wall_time> forgot_;  // when the limit last made it forget a sender
};

}  // namespace troupe::runtime::detail
