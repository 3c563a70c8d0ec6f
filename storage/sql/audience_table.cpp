// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/audience_table.hpp"

#include <map>
#include <string>

#include <spdlog/fmt/fmt.h>

namespace troupe::storage::sql {

namespace {

/// Sorted by stream, so that two nodes take their locks in the same order.
std::string to_json(std::span<const audience_sample> samples) {
  std::map<stream_id, const audience_sample*> sorted;
  for (const auto& s : samples) {
    sorted[s.stream] = &s;
  }
  std::string json = "[";
  for (const auto& [stream, s] : sorted) {
    json += fmt::format(R"({}{{"s":{},"v":{},"p":{},"w":{},"t":{}}})", json.size() == 1 ? "" : ",",
                        stream, s->viewers, s->peak, s->watched.count(),
                        s->at.time_since_epoch().count());
  }
  return json + "]";
}

std::string record_statement(engine kind) {
  const char* rows = kind == engine::sqlite ? "json_each(:samples)"
                                            : "json_array_elements(CAST(:samples AS JSON))";
  const auto field = [](const char* name) {
    return fmt::format("CAST(value->>'{}' AS BIGINT)", name);
  };
  return fmt::format(
      "INSERT INTO stream_audience (stream_id, viewers, peak, watched_ms, updated_at) "
      "SELECT stream.id, {}, {}, {}, {} FROM {} JOIN stream ON stream.id = {} "
      "WHERE 1 = 1 "  // SQLite: else ON CONFLICT is read as the join's ON
      "ON CONFLICT (stream_id) DO UPDATE SET viewers = excluded.viewers, "
      "peak = CASE WHEN excluded.peak > stream_audience.peak THEN excluded.peak "
      "ELSE stream_audience.peak END, "
      "watched_ms = stream_audience.watched_ms + excluded.watched_ms, "
      "updated_at = excluded.updated_at",
      field("v"), field("p"), field("w"), field("t"), rows, field("s"));
}

}  // namespace

result<void> audience_table::record(std::span<const audience_sample> samples) {
  if (samples.empty()) {
    return {};
  }
  return without_rows(access_.write(record_statement(kind_), {{"samples", to_json(samples)}}, 0));
}

}  // namespace troupe::storage::sql
