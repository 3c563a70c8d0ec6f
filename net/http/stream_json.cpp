// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/stream_json.hpp"

#include <optional>

#include <spdlog/fmt/fmt.h>

#include "base/clock.hpp"

namespace troupe::http {

namespace json = boost::json;

namespace {

json::value time_or_null(const std::optional<wall_time>& t) {
  return t ? json::value(to_iso8601(*t)) : json::value(nullptr);
}

}  // namespace

json::value to_json(const stream::info& s) {
  return {{"stream_id", s.id},
          {"user_id", s.owner},
          {"username", s.username},
          {"title", s.title},
          {"game_id", s.game_id ? json::value(*s.game_id) : json::value(nullptr)},
          {"viewer_count", s.viewer_count},
          {"peak_viewers", s.peak_viewers},
          {"mean_viewers", s.mean_viewers},
          {"status", stream::to_string(s.status)},
          {"stream_url", fmt::format("/live/{}/master.m3u8", s.id)},
          {"created_at", to_iso8601(s.created_at)},
          {"started_at", time_or_null(s.started_at)},
          {"ended_at", time_or_null(s.ended_at)}};
}

}  // namespace troupe::http
