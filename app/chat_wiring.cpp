// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/chat_wiring.hpp"

#include <chrono>
#include <utility>

#include "actors/chat/room.hpp"
#include "app/cluster_wiring.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

constexpr auto nonce_life = std::chrono::minutes(10);  // docs/chat-protocol.md
// For nodes whose clocks differ: a room on another one may still go by the time-out.
constexpr auto timeout_grace = std::chrono::minutes(10);
// Rows of one transaction: SQLite's only writer is taken for a millisecond, and chat can go on.
constexpr int rows_at_once = 500;
constexpr auto between_sweeps = std::chrono::milliseconds(10);
// What a sweep leaves is for the next one, a minute later. It holds a thread of the store's pool.
constexpr auto longest_sweep = std::chrono::seconds(20);
// One transaction of chat is under way at a time, and one that is cut off may still hold its
// thread.
constexpr std::size_t log_threads = 2;
constexpr std::size_t log_queue = 32;

chat::room_settings settings_of(const limits_config& limits) {
  chat::room_settings s;
  s.user_rate = static_cast<std::size_t>(limits.chat_messages_user);
  s.moderator_rate = static_cast<std::size_t>(limits.chat_messages_moderator);
  return s;
}

}  // namespace

chat_parts::chat_parts(const chat_needs& n, std::string node, const limits_config& limits)
    : needs_(n),
      log_counters_(n.counters),
      room_counters_(n.counters),
      relay_counters_(n.counters),
      log_needs_{n.store, log_counters_, {}},
      room_needs_{n.store,     n.ids,           room_counters_,
                  &n.audience, std::move(node), settings_of(limits)},
      relay_needs_{n.store, sockets_, relay_counters_},
      log_pool_("chat_log", log_threads, log_queue, n.counters) {}

void chat_parts::end_sweep() {
  const std::lock_guard lock(sweep_mutex_);
  is_ending_ = true;
  sweep_wakes_.notify_all();
}

void chat_parts::add_kinds(runtime::entities& entities) {
  // What the store is asked by everybody must not keep what is said from being stored.
  auto log_options = chat::chat_log::options();
  log_options.placed = runtime::placement::on_node;  // chat_log/NODE
  log_options.run_job = [this](worker_pool::job j) { return log_pool_.submit(std::move(j)); };
  entities.add_kind<chat::chat_log>(
      [this](const runtime::entity_name&) { return std::make_unique<chat::chat_log>(log_needs_); },
      log_options);
  auto room_options = chat::room::options();
  room_options.role = role_for(chat::room::kind);
  entities.add_kind<chat::room>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<chat::room>(name, room_needs_);
      },
      room_options);
  auto relay_options = chat::relay_kind_options();
  relay_options.placed = runtime::placement::on_node;  // relay/NODE/USER_ID
  entities.add_kind<chat::room_relay>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<chat::room_relay>(name, relay_needs_);
      },
      relay_options);
}

std::shared_ptr<chat::chats> chat_parts::make_service(runtime::entities& entities) const {
  return std::make_shared<chat::chat_service>(
      chat::chat_dependencies{.store = needs_.store,
                              .store_pool = needs_.store_pool,
                              .entities = entities,
                              .time = needs_.time});
}

void chat_parts::sweep() {
  const auto until = needs_.time.now() + longest_sweep;
  sweep_rows("past time-outs", until, [this] {
    return needs_.store.remove_past_timeouts(needs_.time.wall() - timeout_grace, rows_at_once);
  });
  sweep_rows("old nonces", until, [this] {
    return needs_.store.remove_old_nonces(needs_.time.wall() - nonce_life, rows_at_once);
  });
}

void chat_parts::sweep_rows(const char* which, steady_time until,
                            const std::function<result<std::size_t>()>& remove_some) {
  std::unique_lock lock(sweep_mutex_);
  while (!is_ending_ && needs_.time.now() < until) {
    lock.unlock();
    const auto removed = remove_some();
    lock.lock();
    if (!removed) {
      log::warn("{} not removed: {}", which, removed.error().message);
    }
    if (!removed || *removed < rows_at_once) {
      break;
    }
    sweep_wakes_.wait_for(lock, between_sweeps, [this] { return is_ending_; });
  }
}

}  // namespace troupe::app
