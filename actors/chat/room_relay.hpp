// SPDX-License-Identifier: GPL-3.0-or-later
// One room on one node with viewers: hears the room's news, hands each event to the node's sockets
// once and in order, and answers joins from its ring, so that a herd never reaches the room.
// Started by: the entity runtime, at the first join (relay/NODE/USER_ID). Owns: the ring, who
// waits. Talks to: room/USER_ID, the store for what is older than the ring, broadcaster.
// Life: asking -> subscribed -> gone, a minute after the last socket left. Lost with sockets still
// here, it is begun anew by the room's news or by the sockets' side (listening).
// Thread: CAF worker pool, never blocks. Survives: nothing; the next join builds it from the room.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/chat/broadcaster.hpp"
#include "actors/chat/messages.hpp"
#include "actors/chat/room_relay_ring.hpp"
#include "base/metrics.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/entities.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

constexpr std::int64_t most_missed_events = 1000;  // docs/chat-protocol.md: of a resume
/// Of a resume that needs the store: what a socket's outbox can bear. The oldest give way.
constexpr std::size_t most_missed_bytes = std::size_t{256} * 1024;

struct relay_metrics {
  explicit relay_metrics(metrics& m);

  metrics::counter& joins;
  metrics::counter& joins_from_store;
  metrics::counter& refused_joins;
  metrics::counter& store_reads;
  metrics::counter& failed_store_reads;
  metrics::counter& events;
  metrics::counter& lost_events;
  metrics::counter& stale_news;
};

/// What it borrows; all of it must live longer.
struct relay_dependencies {
  storage::chat_store& store;
  broadcaster& sockets;
  relay_metrics& counters;
};

/// To itself: time to renew the subscription, and to see whether anybody is left.
struct renew {
  static constexpr std::string_view type = "relay.renew";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

template <class Inspector>
auto inspect(Inspector& f, renew&) {
  return f();
}

/// "NODE/USER_ID"
std::string relay_id(std::string_view node, user_id room);
/// How the runtime keeps relays: room for a herd's joins, no answers kept for long.
runtime::kind_options relay_kind_options();

class room_relay {
 public:
  static constexpr std::string_view kind = "relay";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<join, leave, listening, room_news, renew>;

  struct state {};

  state data;

  room_relay(const runtime::entity_name& name, const relay_dependencies& d);

  runtime::later<joined> on(runtime::context& ctx, const join& m);
  void on(runtime::context& ctx, const leave& m);
  void on(runtime::context& ctx, const listening& m);
  void on(runtime::context& ctx, const room_news& m);
  void on(runtime::context& ctx, const renew& m);
  /// Who joined after the end was decided must not stay behind without a relay.
  void passivate(runtime::context& ctx);

 private:
  struct waiting_join {
    std::optional<std::int64_t> after;
    runtime::promise<joined> answer;
  };

  /// An event read from the store, encoded.
  struct old_event {
    std::int64_t seq = 0;
    std::string json;
  };

  void keep_ticking(runtime::context& ctx);
  void ask_room(runtime::context& ctx);
  void subscribe_now(runtime::context& ctx);
  void room_answered(runtime::context& ctx, result<subscription> got);
  void refuse_joins(const error& why);
  void begin(const subscription& s);
  void update(const subscription& s);
  void pass_on(const std::vector<event>& events);
  void note(const event& e);
  void publish_from(std::int64_t seq);
  void publish(std::int64_t from);
  void tell(const std::optional<stream_notice>& stream, std::optional<std::int64_t> viewers,
            std::optional<std::int64_t> held);
  void tell(const std::vector<verdict>& verdicts);
  void end(runtime::context& ctx);

  void serve(runtime::context& ctx, waiting_join w);
  void read_store(runtime::context& ctx);
  void serve_old(const std::vector<old_event>& events);
  joined base_answer() const;

  const user_id room_;
  const std::string relay_;
  const relay_dependencies d_;
  relay_ring ring_;

  bool is_known_ = false;       // the store knows the channel
  bool is_subscribed_ = false;  // once, the room has answered
  bool is_asking_ = false;
  bool is_ticking_ = false;
  bool has_ended_ = false;     // begins to passivate when what is on its way has come
  std::uint64_t epoch_ = 0;    // the newest activation of the room we heard of
  std::int64_t heard_of_ = 0;  // the highest number we were told of
  std::optional<std::int64_t> publish_from_;  // what sockets lack since an earlier relay
  std::int64_t published_from_ = 0;           // since subscribed
  steady_time last_used_{};

  chat::mode mode_;
  user_id owner_ = 0;
  std::string owner_name_;
  std::vector<user_id> moderators_;
  std::optional<stream_notice> stream_;
  std::int64_t viewers_ = 0;
  std::int64_t held_ = 0;

  std::vector<waiting_join> for_room_;   // until the first subscription is answered
  std::vector<waiting_join> for_store_;  // want what is older than the ring
  std::vector<waiting_join> in_read_;    // of those, the ones that the read on its way answers
  bool is_reading_ = false;
  std::uint64_t reads_ = 0;  // names the read, so that one given up is not served twice
  steady_time reading_since_{};
};

template <class Inspector>
auto inspect(Inspector& f, room_relay::state&) {
  return f();
}

}  // namespace troupe::chat
