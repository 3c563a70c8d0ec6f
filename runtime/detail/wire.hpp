// SPDX-License-Identifier: GPL-3.0-or-later
// What entities of several nodes tell each other, as envelopes on the stream `commands`; the
// commands to kinds with large ones travel on `media`. The target is the entity's name in all.
//   command               type, version: the message's; number, floor, epoch; body: command_body
//   answer                type: the message's; number; epoch: the owner's; body: answer_body
//   entity.locate         who owns it? Claim it when nobody does
//   entity.owner          body: entity_owner. With a number: that command came to the wrong node
//   entity.refused        the answer to locate that is none. body: error
//   entity.expected       number: send again from there on
//   entity.session_lost   number: with it, all this session has on its way here; body: error
//   entity.again          no target: an answer may have been lost; what is open is to be sent again
// A move, from the owner (epoch: its own, in all of them) and back:
//   entity.offer          body: offer_body
//   entity.fetch          number: from which byte of the state on
//   entity.chunk          number: the same; body: up to 64 KiB of it
//   entity.declined       body: error
//   entity.taken          number: the new epoch
// Thread: pure functions. Bytes that do not parse give data_corrupt, never more memory than they
// are long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "runtime/archive.hpp"
#include "runtime/detail/reply_path.hpp"
#include "runtime/entity_log.hpp"
#include "runtime/entity_name.hpp"
#include "runtime/link/link.hpp"
#include "runtime/message.hpp"

namespace troupe::runtime::detail::wire {

inline constexpr std::string_view locate = "entity.locate";
inline constexpr std::string_view owner = "entity.owner";
inline constexpr std::string_view refused = "entity.refused";
inline constexpr std::string_view expected = "entity.expected";
inline constexpr std::string_view session_lost = "entity.session_lost";
inline constexpr std::string_view again = "entity.again";
inline constexpr std::string_view offer = "entity.offer";
inline constexpr std::string_view fetch = "entity.fetch";
inline constexpr std::string_view chunk = "entity.chunk";
inline constexpr std::string_view declined = "entity.declined";
inline constexpr std::string_view taken = "entity.taken";

/// The largest message; what is added to it is far less than what it leaves of an envelope.
constexpr std::size_t largest_message = largest_envelope - std::size_t{64} * 1024;

constexpr std::size_t chunk_size = std::size_t{64} * 1024;  // design.md section 3
/// Of what moves: behaviours without a snapshot may hold more than 64 KiB.
constexpr std::size_t largest_moved = std::size_t{64} * 1024 * 1024;

struct offer_body {
  std::uint32_t kind_version = 0;
  std::uint64_t size = 0;  ///< of the encoded given_state
  bytes chunk;             ///< its first bytes
};

/// What the new owner goes on with.
struct given_state {
  std::uint32_t kind_version = 0;
  bytes state;
  bytes senders;  ///< a sender_table, as it is stored
  std::uint64_t complete_since = 0;
};

template <class Inspector>
auto inspect(Inspector& f, offer_body& x) {
  return f(x.kind_version, x.size, x.chunk);
}

template <class Inspector>
auto inspect(Inspector& f, given_state& x) {
  return f(x.kind_version, x.state, x.senders, x.complete_since);
}

struct command_body {
  std::uint64_t closed_since = 0;  ///< as claimed_order has these
  bool may_be_applied = false;
  std::uint64_t first_epoch = 0;
  bytes message;
};

struct answer_body {
  std::optional<error> failed;
  std::int64_t retry_after_ms = 0;  ///< of the error
  bytes value;
};

template <class Inspector>
auto inspect(Inspector& f, command_body& x) {
  return f(x.closed_since, x.may_be_applied, x.first_epoch, x.message);
}

template <class Inspector>
auto inspect(Inspector& f, answer_body& x) {
  return f(x.failed, x.retry_after_ms, x.value);
}

bytes encode_answer(const message_type& type, const erased_answer& answer);
erased_answer decode_answer(const message_type& type, byte_view body);
bytes encode_error(const error& e);
error decode_error(byte_view body);

/// A control message about an entity.
envelope about(std::string_view type, const entity_name& name);

}  // namespace troupe::runtime::detail::wire
