// SPDX-License-Identifier: GPL-3.0-or-later
// The streams facade over the store and the stream entities: what concerns one live stream's media
// goes to its entity, what is only a row is read from the store. Thread: every function from any
// thread; nothing blocks the caller.
#pragma once

#include <functional>
#include <memory>

#include "actors/stream/list_signal.hpp"
#include "actors/stream/messages.hpp"
#include "actors/stream/streams.hpp"
#include "base/worker_pool.hpp"
#include "runtime/entities.hpp"
#include "storage/stream_store.hpp"

namespace troupe::stream {

/// What it borrows; all of it must live longer.
struct service_dependencies {
  storage::stream_store& store;
  worker_pool& store_pool;
  runtime::entities& entities;
  id_generator& ids;
  const clock& time;
  list_signal* stored = nullptr;  ///< may be null: nobody is told of stored changes
};

class stream_service final : public streams {
 public:
  explicit stream_service(service_dependencies d) : d_(d) {}

  void start(const account::identity& who, std::optional<std::string> title,
             std::optional<std::int64_t> game_id, callback<info> done) override;
  void end(const account::identity& who, stream_id id, callback<info> done) override;
  void find(stream_id id, callback<info> done) override;
  void find_current(user_id owner, callback<info> done) override;
  void list(list_request request, callback<page<info>> done) override;
  void health_of(const account::identity& who, stream_id id, callback<health> done) override;

  /// Wakes every stream that was live when the program last ended, so that each waits for its
  /// publisher and ends if it does not come back. Blocks: for the start. Answers how many there
  /// are.
  [[nodiscard]] result<std::size_t> reconcile_all();

  /// Ends streams that were started longer ago than this and never published to. Blocks: a job for
  /// a pool.
  [[nodiscard]] result<std::size_t> end_unpublished(duration older_than);

 private:
  /// Runs a blocking read of the store on its pool; unavailable when the pool has no room.
  template <class T, class Job>
  void on_store(Job job, callback<T> done);
  /// then(stream's row) when who may control it, else done(error).
  template <class T, class Then>
  void as_controller(const account::identity& who, stream_id id, callback<T> done, Then then);

  /// The channel's room shows what streams, and under which title.
  void tell_room(const info& s);
  std::function<info(const storage::stream_record&)> as_info() const;

  service_dependencies d_;
};

}  // namespace troupe::stream
