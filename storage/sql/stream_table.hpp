// SPDX-License-Identifier: GPL-3.0-or-later
// stream_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/sql/access.hpp"
#include "storage/stream_store.hpp"

namespace troupe::storage::sql {

class stream_table final : public stream_store {
 public:
  explicit stream_table(access a) : access_(a) {}

  result<started_stream> start_or_get(const new_stream& wanted) override;
  result<adopted_stream> adopt(stream_id id, std::int64_t epoch) override;
  result<stream_record> set_live(stream_id id, std::int64_t epoch, wall_time now) override;
  result<stream_record> set_reconnecting(stream_id id, std::int64_t epoch) override;
  result<stream_record> set_ended(stream_id id, std::int64_t epoch, wall_time now) override;
  result<void> save_progress(stream_id id, std::int64_t epoch, wall_time seen,
                             byte_view progress) override;
  result<void> remember_key_frame_interval(user_id owner,
                                           std::chrono::milliseconds interval) override;
  result<stream_record> find(stream_id id) override;
  result<stream_record> find_current(user_id owner) override;
  result<std::vector<stream_record>> list_live(int limit, std::optional<stream_id> before,
                                               std::optional<std::int64_t> game_id) override;
  result<std::vector<stream_record>> list_unfinished(int limit, stream_id after) override;
  result<std::vector<stream_id>> end_stale_waiting(wall_time created_before,
                                                   wall_time now) override;

 private:
  result<stream_record> change(stream_id id, std::int64_t epoch, const std::string& statement,
                               std::vector<parameter> parameters);
  error why_refused(stream_id id, std::int64_t epoch);

  access access_;
};

}  // namespace troupe::storage::sql
