// SPDX-License-Identifier: GPL-3.0-or-later
// The relational store: SQLite for one node, PostgreSQL for any number, one schema for both.
// Thread: every function, of the stores too, from any thread that may block, a worker_pool's, never
// an actor's or a socket's. Each call ends within about 5 s.
// Errors of every call: unavailable (store_unavailable, disk_full: nothing was changed unless the
// connection was lost in the middle of a write), deadline_exceeded (the call was cut; it may have
// been applied), data_corrupt, internal.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "storage/answer_store.hpp"
#include "storage/audience_store.hpp"
#include "storage/chat_store.hpp"
#include "storage/cluster_store.hpp"
#include "storage/entity_store.hpp"
#include "storage/follow_store.hpp"
#include "storage/second_factor_store.hpp"
#include "storage/secret_store.hpp"
#include "storage/stream_store.hpp"
#include "storage/token_store.hpp"
#include "storage/user_store.hpp"

namespace troupe::storage {

enum class engine : std::uint8_t { sqlite, postgresql };

struct database_options {
  /// Connections for PostgreSQL, readers besides the one writer for SQLite.
  std::size_t connections = 4;
  /// Called with the text of each statement before it runs, on the caller's thread: for tests.
  std::function<void(std::string_view)> observe;
};

class database {
 public:
  /// url: "sqlite:PATH" or "postgresql://user@host/name". Makes SQLite's folder and file where
  /// they are missing (mode 0700 and 0600) and brings the schema up to date, under a lock.
  /// Errors: invalid_argument (bad address), unavailable (folder not writable, disk full, server
  /// away), data_corrupt (not a database), unsupported (a schema this program cannot work on).
  [[nodiscard]] static result<std::unique_ptr<database>> open(std::string_view url,
                                                              const clock& clock, metrics& m,
                                                              const database_options& options = {});
  virtual ~database() = default;

  virtual engine kind() const = 0;
  virtual user_store& users() = 0;
  virtual token_store& tokens() = 0;
  virtual stream_store& streams() = 0;
  virtual entity_store& entities() = 0;
  virtual follow_store& follows() = 0;
  virtual audience_store& audience() = 0;
  virtual second_factor_store& second_factors() = 0;
  virtual secret_store& secrets() = 0;
  virtual chat_store& chat() = 0;
  virtual cluster_store& cluster() = 0;
  virtual answer_store& answers() = 0;

  /// Does it answer? For /readyz.
  [[nodiscard]] virtual result<void> ping() = 0;
  /// How the engine would run a statement, a line per step, as if tables were large: for tests.
  [[nodiscard]] virtual result<std::vector<std::string>> explain(std::string_view statement) = 0;
};

}  // namespace troupe::storage
