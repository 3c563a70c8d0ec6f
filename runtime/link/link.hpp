// SPDX-License-Identifier: GPL-3.0-or-later
// The way between nodes, as the rest of the runtime sees it: envelopes to a node by its name, on
// one of three streams per pair of nodes. The program has gRPC behind it, tests a network they
// drive by hand. Nothing is promised but order: what was sent may be lost when the connection is,
// and what arrives on one stream of one connection arrives in the order sent, once. Thread: every
// function from any thread, none blocks; handlers run on the link's threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "runtime/session.hpp"

namespace troupe::runtime {

/// Streams of their own, so that bulk never delays a ping.
enum class link_stream : std::uint8_t {
  control,   ///< pings, view, handoff's decisions
  commands,  ///< commands, answers, handoff's state
  media,     ///< frames and parts
};

enum class envelope_kind : std::uint8_t {
  command,  ///< to an entity: type and body are the message
  answer,   ///< to a command's sender: body is what the receiving side's runtime made of it
  control,  ///< from runtime to runtime: type says what
};

/// What travels. Fields that a kind does not use are empty.
struct envelope {
  envelope_kind kind = envelope_kind::control;
  std::string target;         ///< an entity's name, "room/977"; empty: the node itself
  std::string type;           ///< the message's, "room.post", or the control message's
  std::uint32_t version = 0;  ///< of the type
  session_id session;         ///< the sender, as entities know it
  std::uint64_t number = 0;   ///< of the command, within session and target
  std::uint64_t floor = 0;    ///< all numbers below are closed
  std::uint64_t epoch = 0;    ///< of the target's activation, as the sender knows it
  std::uint64_t from_incarnation = 0;
  std::uint64_t to_incarnation = 0;  ///< whom it is for; another start of the node ignores it
  bytes body;
};

/// The largest body that a link takes; more is a bug of the sender's.
constexpr std::size_t largest_envelope = std::size_t{4} * 1024 * 1024;

struct peer {
  std::string node;
  std::string address;  ///< "10.0.0.2:4040"

  friend bool operator==(const peer&, const peer&) = default;
};

enum class peer_state : std::uint8_t {
  connecting,
  up,       ///< both sides have shown who they are
  refused,  ///< its host says that nobody listens there: the process is dead
  down,     ///< silent, or it showed another name
};

class link {
 public:
  struct handlers {
    /// From a peer that has shown a certificate with this name, where there are certificates.
    std::function<void(std::string_view from, link_stream on, envelope what)> received;
    std::function<void(std::string_view node, peer_state now)> changed;
  };

  virtual ~link() = default;
  /// Once, before anything else.
  virtual void start(handlers h) = 0;
  /// Connects to the new ones, and again and again while they are down; hangs up on the others.
  virtual void set_peers(std::vector<peer> peers) = 0;
  /// False, and counted: the peer is not up, or too much waits for it already.
  virtual bool send(std::string_view to, link_stream on, envelope what) = 0;
  /// No handler is called after it returns.
  virtual void stop() = 0;
};

}  // namespace troupe::runtime
