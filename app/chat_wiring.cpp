// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/chat_wiring.hpp"

#include <chrono>
#include <utility>

#include "actors/chat/room.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

constexpr auto nonce_life = std::chrono::minutes(10);  // docs/chat-protocol.md
constexpr int nonces_at_once = 10'000;                 // rows of one transaction

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
      relay_needs_{n.store, sockets_, relay_counters_} {}

void chat_parts::add_kinds(runtime::entities& entities) {
  entities.add_kind<chat::chat_log>(
      [this](const runtime::entity_name&) { return std::make_unique<chat::chat_log>(log_needs_); },
      chat::chat_log::options());
  entities.add_kind<chat::room>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<chat::room>(name, room_needs_);
      },
      chat::room::options());
  entities.add_kind<chat::room_relay>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<chat::room_relay>(name, relay_needs_);
      },
      chat::relay_kind_options());
}

std::shared_ptr<chat::chats> chat_parts::make_service(runtime::entities& entities) const {
  return std::make_shared<chat::chat_service>(
      chat::chat_dependencies{.store = needs_.store,
                              .store_pool = needs_.store_pool,
                              .entities = entities,
                              .time = needs_.time});
}

void chat_parts::sweep() {
  for (;;) {
    const auto removed =
        needs_.store.remove_old_nonces(needs_.time.wall() - nonce_life, nonces_at_once);
    if (!removed) {
      log::warn("old nonces not removed: {}", removed.error().message);
      return;
    }
    if (*removed < nonces_at_once) {
      return;
    }
  }
}

}  // namespace troupe::app
