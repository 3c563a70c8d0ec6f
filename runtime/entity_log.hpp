// SPDX-License-Identifier: GPL-3.0-or-later
// What the runtime asks of durable storage; the program puts storage/ behind it, tests a memory.
// Thread: every function from any thread and none blocks the caller. Callbacks come exactly once,
// on any thread, also on the caller's before the function returns, and within a time the
// implementation bounds (a few seconds): silence is answered deadline_exceeded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/callback.hpp"
#include "runtime/entity_name.hpp"

namespace troupe::runtime {

/// Who has a name, and since which swap. No node: nobody.
struct entity_owner {
  std::string node = {};
  std::uint64_t incarnation = 0;
  std::uint64_t epoch = 0;

  friend bool operator==(const entity_owner&, const entity_owner&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, entity_owner& x) {
  return f(x.node, x.incarnation, x.epoch);
}

/// What is stored under a name.
struct stored_entity {
  std::uint64_t epoch = 0;
  bool committed = false;  ///< false: claimed but never committed; the rest is empty
  std::uint32_t kind_version = 0;
  bytes state;
  bytes answers;  ///< the sender_table, encoded; stored and replaced together with the state
  /// From whom a claim took it; nothing when that is not known.
  std::optional<entity_owner> before = {};
};

struct claim_request {
  entity_name name;
  std::string owner;  ///< the node
  std::uint64_t incarnation = 0;
  std::uint32_t kind_version = 0;  ///< the newest state the claimer can read
  /// The epoch at which the present owner hands it over; then nobody asks whether that one lives.
  std::optional<std::uint64_t> expected_epoch = {};
};

/// The name and what is stored under it; or who owns it, lives, and keeps it.
using claim_answer = std::variant<stored_entity, entity_owner>;

struct commit_entry {
  entity_name name;
  std::uint64_t epoch = 0;
  std::uint32_t kind_version = 0;
  bytes state;
  bytes answers;
};

enum class commit_outcome : std::uint8_t {
  ok,
  fenced,  ///< a newer epoch owns the name; nothing of this entry was written
};

class entity_log {
 public:
  virtual ~entity_log() = default;

  /// Takes the name, by raising its epoch, and loads it, in one step: the one truth of placement.
  /// It succeeds when nobody owns the name, or the claimer does, or its owner is no live member, or
  /// expected_epoch is the row's.
  virtual void claim(claim_request request, callback<claim_answer> done) = 0;
  /// As the row has it, whether that node lives or not; nothing when there is no row.
  virtual void owner_of(entity_name name, callback<std::optional<entity_owner>> done) = 0;
  /// All entries in one transaction; outcomes in the order of the entries, whose names differ. A
  /// fenced entry does not fail its neighbours. After an error the batch may have been applied.
  virtual void commit(std::vector<commit_entry> batch,
                      callback<std::vector<commit_outcome>> done) = 0;
};

}  // namespace troupe::runtime
