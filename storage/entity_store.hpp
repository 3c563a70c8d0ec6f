// SPDX-License-Identifier: GPL-3.0-or-later
// The durable half of the entity runtime: who owns a name, and the state it last committed. A claim
// raises the epoch by compare-and-swap; a commit writes only where its epoch still stands.
// Thread: every function from any thread that may block.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct entity_record {
  std::string name;
  std::string owner;
  std::int64_t incarnation = 0;
  std::int64_t epoch = 0;    ///< raised by every claim; from 1
  std::int64_t version = 0;  ///< raised by every commit; 0: never committed, state is empty
  int kind_version = 0;      ///< of the state
  bytes state;
  bytes answers;  ///< what was answered to whom: kept and replaced together with the state
};

struct entity_claim {
  std::string name;  ///< "poll/42"
  std::string owner;
  std::int64_t incarnation = 0;
  int kind_version = 0;  ///< the newest the claimer can read
  /// Swap only from this epoch, 0 where there is no row; nothing: whatever it is.
  std::optional<std::int64_t> expected_epoch;
};

struct entity_write {
  std::string name;
  std::int64_t epoch = 0;
  int kind_version = 0;
  bytes state;
  bytes answers;
};

struct commit_outcome {
  bool committed = false;    ///< false: fenced, a newer epoch owns the name; nothing was written
  std::int64_t version = 0;  ///< of the row after the commit
};

class entity_store {
 public:
  virtual ~entity_store() = default;

  /// Takes the name and loads it, in one step. Errors: conflict (moved: the epoch was not the
  /// expected one; newer_version: the state is of a version the claimer cannot read).
  [[nodiscard]] virtual result<entity_record> claim(const entity_claim& wanted) = 0;
  /// Errors: not_found.
  [[nodiscard]] virtual result<entity_record> load(std::string_view name) = 0;
  /// One transaction, one statement, one round trip; a fenced entity does not fail its neighbours.
  /// Answers in the order of writes, whose names must differ. After unavailable or
  /// deadline_exceeded it may have been applied: load() and compare the version.
  [[nodiscard]] virtual result<std::vector<commit_outcome>> commit_batch(
      std::span<const entity_write> writes) = 0;
};

}  // namespace troupe::storage
