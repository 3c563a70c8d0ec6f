// SPDX-License-Identifier: GPL-3.0-or-later
// The durable half of the entity runtime: who owns a name, and the state it last committed. A claim
// raises the epoch by compare-and-swap; a commit writes only where its epoch still stands. A name
// is never given back: a passive entity keeps its owner.
// Thread: every function from any thread that may block.
#pragma once

#include <cstddef>
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
  /// Swap only from this epoch, 0 where there is no row, whether its owner lives or not: a planned
  /// move, whose owner named the epoch. Nothing: from any epoch, if its owner does not live.
  std::optional<std::int64_t> expected_epoch;
};

/// Whose an entity is.
struct entity_owner {
  std::string name;
  std::string owner;
  std::int64_t incarnation = 0;
  std::int64_t epoch = 0;
};

enum class claim_verdict : std::uint8_t {
  claimed,
  owned_elsewhere,  ///< by a live member of the cluster, another than the claimer
  newer_version,    ///< the state is of a version the claimer cannot read
  moved,            ///< the epoch is not the expected one
  not_a_member,     ///< the claimer's name has another incarnation, or it left or died
  contended,        ///< others claim it at this very moment: ask again
};

struct claim_outcome {
  claim_verdict verdict = claim_verdict::contended;
  /// Claimed: all of it. Else who has it since which epoch (0: nobody), without state and version.
  entity_record entity;
  /// Claimed: from whom it was taken, the claimer itself perhaps. Epoch 0: nobody had it.
  entity_owner before;
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

/// Of claim_batch(): each answer may carry a state and answers of 64 KiB.
constexpr std::size_t most_claims = 256;
/// Of owner_of().
constexpr std::size_t most_names = 1024;

class entity_store {
 public:
  virtual ~entity_store() = default;

  /// Takes the name and loads it, in one step. It succeeds where there is no row, where its owner
  /// is the claimer (same name and incarnation) or no live node (cluster_store), or where
  /// expected_epoch is the present one; and always needs a claimer that is live or, as where nobody
  /// ever joined, unknown. Errors: conflict (owned_elsewhere, moved, newer_version, not_a_member:
  /// as claim_verdict), unavailable (store_busy).
  [[nodiscard]] virtual result<entity_record> claim(const entity_claim& wanted) = 0;
  /// The same for at most most_claims, whose names must differ, in one statement; a refused name
  /// does not fail its neighbours. Answers in the order of the claims. After unavailable or
  /// deadline_exceeded it may have been applied: claiming again tells.
  [[nodiscard]] virtual result<std::vector<claim_outcome>> claim_batch(
      std::span<const entity_claim> wanted) = 0;
  /// Errors: not_found.
  [[nodiscard]] virtual result<entity_record> load(std::string_view name) = 0;
  /// One transaction, one statement, one round trip; a fenced entity does not fail its neighbours.
  /// Answers in the order of writes, whose names must differ. After unavailable or
  /// deadline_exceeded it may have been applied: load() and compare the version.
  [[nodiscard]] virtual result<std::vector<commit_outcome>> commit_batch(
      std::span<const entity_write> writes) = 0;

  /// For routers: owners of those of these names, at most most_names, that have one; in no order.
  [[nodiscard]] virtual result<std::vector<entity_owner>> owner_of(
      std::span<const std::string> names) = 0;
  /// What a node's incarnation owns, by name, after that name ("": from the start), at most limit.
  [[nodiscard]] virtual result<std::vector<entity_owner>> owned_by(std::string_view node,
                                                                   std::int64_t incarnation,
                                                                   std::string_view after_name,
                                                                   int limit) = 0;
  [[nodiscard]] virtual result<std::int64_t> count_owned(std::string_view node,
                                                         std::int64_t incarnation) = 0;
};

}  // namespace troupe::storage
