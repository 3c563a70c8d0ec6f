// SPDX-License-Identifier: GPL-3.0-or-later
// One room's events on one I/O thread, and the sockets that want them. The ring of encoded events
// is everybody's outbox: a socket has no queue of events but a cursor, the number it wants next.
// Each write carries everything since the cursor: one event as its own frame, several as one batch,
// both encoded once and shared. A socket that takes no bytes is passed over, its cursor stays; when
// the ring has moved beyond it, it is told which numbers it missed and goes on. Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/chat/broadcaster.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "net/ws/roster.hpp"

namespace troupe::ws {

/// A broadcast with its WebSocket header: made once for all threads.
struct framed {
  std::int64_t seq = 0;  ///< 0: a notice
  shared_bytes frame;
  bool for_moderators = false;
  user_id for_user = 0;  ///< of a notice: for their sockets here and now alone
  // As in chat::broadcast.
  id message_id = 0;
  user_id author = 0;
  id quoted_id = 0;
  user_id quoted_author = 0;

  std::string_view json() const;
};

framed make_framed(const chat::broadcast& what);

/// The value of "type"; all that rooms and relays write begins with it.
std::string_view kind_of(std::string_view json);

/// A socket as its feed sees it.
class subscriber : public rostered {
 public:
  virtual ~subscriber() = default;

  /// All that was written has gone to the kernel.
  virtual bool is_ready() const = 0;
  /// Only called when ready. The buffers are the feed's: what is kept is copied (their bytes are
  /// not).
  virtual void write(std::span<const shared_bytes> buffers) = 0;
  /// Whether ready or not: an answer, bounded as all that waits for a peer is.
  virtual void tell(const shared_bytes& frame) = 0;

  /// The last number it was sent, or told that it missed.
  std::int64_t seen() const { return next_ - 1; }

 private:
  friend class feed;

  std::int64_t next_ = 0;      // the number it wants
  std::uint64_t noticed_ = 0;  // the newest notice it was sent
  user_id user_ = 0;           // 0: read only
  bool moderates_ = false;
  bool is_owed_ = false;  // what moderators are told, by who has just become one
};

constexpr std::size_t notice_kinds = 8;  // the protocol has three; a newer room may have more

struct feed_limits {
  std::size_t ring_events = 512;
  std::size_t ring_bytes = 512 * 1024;
  /// Of one batch, and about of one write. More follow when it is gone.
  std::size_t batch_events = 128;
  std::size_t batch_bytes = 64 * 1024;
};

/// Since the feed was made; the reader takes differences.
struct feed_counts {
  std::uint64_t events = 0;  ///< handed to sockets, each for each
  std::uint64_t writes = 0;
  std::uint64_t missed = 0;  ///< events told as missed, each for each socket
};

class feed {
 public:
  explicit feed(const feed_limits& limits = {}) : limits_(limits) {}

  /// What came for the room: events in their order, notices.
  void push(const framed& what);

  /// The events of these numbers came, and were dropped: it is told also when no later one follows.
  void lose(std::int64_t from, std::int64_t to);

  /// Whether the event changes what may be sent of earlier ones, or to whom.
  static bool is_change(const framed& event);
  /// Does what it says, and sends it to nobody: for an event that is lost.
  void apply(const framed& change);

  /// What a socket that is on its way should be told of: see add().
  std::uint64_t notices_so_far() const { return notices_; }

  struct arrival {
    std::int64_t next = 1;  ///< the welcome's seq + 1
    user_id user = 0;
    bool moderates = false;
    std::uint64_t notices = 0;  ///< of before it asked to join
    /// Messages that wait for a moderator, as the relay said it then.
    std::optional<std::int64_t> held{};
  };

  void add(subscriber& s, const arrival& how);
  void remove(subscriber& s);
  /// Somebody else speaks through it now. since: head() when the role was asked for; what events
  /// have said about the user after that counts more.
  void set_user(subscriber& s, user_id user, bool moderates, std::int64_t since);

  /// Writes as long as the socket is ready and there is something for it. True: nothing is left.
  bool serve(subscriber& s);

  /// A pass over all members, in slices: serves up to count of them; false when it is through.
  bool pass(std::size_t count);

  bool is_passing() const { return members_.is_passing(); }

  /// Something came since the last pass began.
  bool has_news() const { return pushed_; }

  /// While somebody is on its way, everything is kept for it.
  void keep_everything(bool kept) { keeps_ = kept; }

  std::size_t members() const { return members_.size(); }

  /// The last number that came.
  std::int64_t head() const { return head_; }

  /// The last number that everybody here got, in the welcome or after it, or is about to get.
  std::int64_t heard() const { return head_ != 0 ? head_ : welcomed_; }

  std::size_t ring_size() const { return ring_.size(); }

  const feed_counts& counts() const { return counts_; }

 private:
  /// An event, or a range of numbers that never came.
  struct entry {
    std::int64_t from = 0;
    std::int64_t to = 0;
    framed what;
    bool is_gap = false;
  };

  /// What somebody with this cursor is sent.
  struct chunk {
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::size_t events = 0;
    shared_bytes frame;
  };

  struct notice {
    std::string kind;
    std::uint64_t number = 0;
    shared_bytes frame;
    bool for_moderators = false;
  };

  struct role_change {
    std::int64_t seq = 0;
    user_id user = 0;
    bool moderates = false;
  };

  void push_event(const framed& what);
  void push_notice(const framed& what);
  void tell_user(const framed& what);
  void append(entry e);
  void note_role(const framed& what);
  void note_held(const arrival& how);
  void remove_text(const framed& by);
  void set_moderates(subscriber& s, bool moderates);
  bool is_caught_up(const subscriber& s) const;
  const chunk& chunk_from(std::int64_t next);
  chunk make_chunk(std::int64_t next) const;
  std::size_t index_of(std::int64_t seq) const;
  void collect(subscriber& s);
  void finish_pass();

  const feed_limits limits_;
  std::deque<entry> ring_;  // contiguous: gaps are entries
  std::size_t ring_bytes_ = 0;
  std::int64_t head_ = 0;      // 0: nothing has come yet
  std::int64_t welcomed_ = 0;  // the lowest number of a welcome before that
  bool keeps_ = false;
  std::vector<chunk> chunks_;  // for the present ring
  std::vector<notice> kinds_;  // the newest of each
  std::uint64_t notices_ = 0;
  std::deque<role_change> roles_;

  roster<subscriber> members_;
  std::size_t behind_ = 0;         // members the pass could not bring up to date
  bool pushed_ = false;            // since the pass began
  std::vector<shared_bytes> out_;  // scratch
  feed_counts counts_;
};

/// {"type":"missed","from":…,"to":…} as a frame.
shared_bytes missed_frame(std::int64_t from, std::int64_t to);

}  // namespace troupe::ws
