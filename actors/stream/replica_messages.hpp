// SPDX-License-Identifier: GPL-3.0-or-later
// What the copy of a stream that another node keeps (entity replica/NODE/STREAM) understands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/stream/replica_pieces.hpp"
#include "media/output_inspect.hpp"
#include "runtime/message.hpp"

namespace troupe::stream {

/// How far a node holds a stream's media, as its owner or as a copy.
struct replica_facts {
  bool is_held = false;
  std::int64_t next_msn = 0;  ///< of the first segment that is not finished there
  int parts = 0;              ///< of that one
};

struct describe_replica {
  static constexpr std::string_view type = "replica.describe";
  static constexpr std::uint32_t version = 1;
  using answer = replica_facts;
};

/// More of the stream. Errors: conflict (superseded: a later owner has spoken), data_corrupt.
struct extend_replica {
  static constexpr std::string_view type = "replica.extend";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  std::uint64_t epoch = 0;  ///< of the stream's activation that this is for
  bool begins = false;      ///< a new sender: what was left of a large part is void
  replica_piece piece;
};

/// What is held here is to be held by that node too. Answered when it is.
struct give_replica {
  static constexpr std::string_view type = "replica.give";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  std::string node;
  std::uint64_t epoch = 0;
};

/// The copy is not needed any more: the stream is here, or over.
struct drop_replica {
  static constexpr std::string_view type = "replica.drop";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint64_t epoch = 0;
};

template <class Inspector>
auto inspect(Inspector& f, replica_facts& x) {
  return f(x.is_held, x.next_msn, x.parts);
}

template <class Inspector>
auto inspect(Inspector& f, describe_replica&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, replica_piece& x) {
  return f(x.outputs, x.fragment, x.completes);
}

template <class Inspector>
auto inspect(Inspector& f, extend_replica& x) {
  return f(x.epoch, x.begins, x.piece);
}

template <class Inspector>
auto inspect(Inspector& f, give_replica& x) {
  return f(x.node, x.epoch);
}

template <class Inspector>
auto inspect(Inspector& f, drop_replica& x) {
  return f(x.epoch);
}

}  // namespace troupe::stream
