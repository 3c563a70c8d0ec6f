// SPDX-License-Identifier: GPL-3.0-or-later
// Live streams: start, end, list, look at, and the streamer's health panel.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <spdlog/fmt/fmt.h>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/clock.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_title = 140;   // code points
constexpr std::size_t longest_cursor = 256;  // characters

json::value time_or_null(const std::optional<wall_time>& t) {
  return t ? json::value(to_iso8601(*t)) : json::value(nullptr);
}

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

/// JSON has no infinities.
double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

json::value to_json(stream_id id, const stream::health& h) {
  json::array warnings;
  for (const auto& each : h.warnings) {
    warnings.push_back({{"code", each.code}, {"message", each.message}});
  }
  const auto codec = [](const std::string& name) {
    return name.empty() ? json::value(nullptr) : json::value(name);
  };
  return {{"stream_id", id},
          {"status", stream::to_string(h.status)},
          {"video_codec", codec(h.video_codec)},
          {"audio_codec", codec(h.audio_codec)},
          {"width", h.width},
          {"height", h.height},
          {"frame_rate", finite(h.frame_rate)},
          {"video_bitrate_bps", h.video_bitrate_bps},
          {"audio_bitrate_bps", h.audio_bitrate_bps},
          {"key_frame_interval_s", finite(h.key_frame_interval_s)},
          {"dropped_frames", h.dropped_frames},
          {"warnings", std::move(warnings)}};
}

response show(const stream::info& s) {
  return json_response(200, to_json(s));
}

/// 1 to 140 code points without control characters, spaces at the ends not counted.
result<std::optional<std::string>> read_title(const fields& body) {
  auto title = body.optional_text("title");
  if (!title || !*title) {
    return title;
  }
  const auto text = trimmed(**title);
  const auto length = count_code_points(text);
  if (!length || *length < 1 || *length > longest_title || has_control_characters(text)) {
    return fail(errc::invalid_argument,
                "\"title\" must be 1 to 140 characters, none of them a control character");
  }
  return std::string(text);
}

void start(const shared_services& s, call c) {
  const auto body = fields::read(c.req, s->settings.limits.api_body_bytes);
  if (!body) {
    return c.answer(error_response(body.error()));
  }
  auto title = read_title(*body);
  if (!title) {
    return c.answer(error_response(title.error()));
  }
  const auto game = body->optional_id("game_id");
  if (!game) {
    return c.answer(error_response(game.error()));
  }
  auto url = s->ingest_url(c.req);
  if (!url) {
    return c.answer(error_response(url.error()));
  }
  const auto who = *c.who;
  auto started = [s, user = who.id, url = *std::move(url),
                  answer = std::move(c.answer)](result<stream::info> outcome) mutable {
    if (!outcome) {
      return answer(error_response(outcome.error()));
    }
    auto with_key = [id = outcome->id, url = std::move(url)](const std::string& key) {
      return json_response(200, {{"stream_id", id}, {"ingest_url", url}, {"stream_key", key}});
    };
    s->parts.accounts->stream_key(user,
                                  answer_with<std::string>(std::move(answer), std::move(with_key)));
  };
  s->parts.streams->start(who, *std::move(title), *game, std::move(started));
}

result<stream::list_request> read_list_request(const request& r) {
  stream::list_request wanted;
  if (const auto limit = r.query_value("limit")) {
    const auto* last = limit->data() + limit->size();
    const auto [end, failure] = std::from_chars(limit->data(), last, wanted.limit);
    if (failure != std::errc() || end != last || wanted.limit < 1 || wanted.limit > 100) {
      return fail(errc::invalid_argument, "\"limit\" must be a whole number from 1 to 100");
    }
  }
  if (const auto cursor = r.query_value("cursor")) {
    const bool is_plain = std::ranges::all_of(*cursor, [](char x) { return x > ' ' && x < 0x7f; });
    if (cursor->empty() || cursor->size() > longest_cursor || !is_plain) {
      return fail(errc::invalid_argument, "\"cursor\" is not one of ours");
    }
    wanted.cursor = *cursor;
  }
  if (const auto game = r.query_value("game_id")) {
    wanted.game_id = parse_id(*game);
    if (!wanted.game_id) {
      return fail(errc::invalid_argument, "\"game_id\" must be a whole number from 1");
    }
  }
  return wanted;
}

void list(const services& s, call c) {
  auto wanted = read_list_request(c.req);
  if (!wanted) {
    return c.answer(error_response(wanted.error()));
  }
  auto render = [](const page<stream::info>& found) {
    json::array items;
    for (const auto& each : found.items) {
      items.push_back(to_json(each));
    }
    auto answer = json_response(200, {{"items", std::move(items)},
                                      {"next", found.next ? json::value(*found.next) : nullptr}});
    // The same for everyone: caches in front may answer a herd with one query.
    answer.headers.emplace_back("Cache-Control", "public, max-age=2");
    return answer;
  };
  s.parts.streams->list(*std::move(wanted),
                        answer_with<page<stream::info>>(std::move(c.answer), std::move(render)));
}

void show_health(const services& s, call c) {
  s.parts.streams->health_of(
      *c.who, c.captured,
      answer_with<stream::health>(std::move(c.answer), [id = c.captured](const auto& h) {
        return json_response(200, to_json(id, h));
      }));
}

}  // namespace

void add_stream_routes(router& table, const shared_services& s) {
  table.add(
      {"POST", "/api/v1/streams/start", access::user, [s](call c) { start(s, std::move(c)); }});
  table.add({"POST", "/api/v1/streams/{stream_id}/end", access::owner, [s](call c) {
               s->parts.streams->end(*c.who, c.captured,
                                     answer_with<stream::info>(std::move(c.answer), show));
             }});
  table.add({"GET", "/api/v1/streams", access::everyone, [s](call c) { list(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/streams/{stream_id}", access::everyone, [s](call c) {
               s->parts.streams->find(c.captured,
                                      answer_with<stream::info>(std::move(c.answer), show));
             }});
  table.add({"GET", "/api/v1/streams/{stream_id}/health", access::owner,
             [s](call c) { show_health(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/users/me/stream", access::user, [s](call c) {
               s->parts.streams->find_current(c.who->id,
                                              answer_with<stream::info>(std::move(c.answer), show));
             }});
}

}  // namespace troupe::http
