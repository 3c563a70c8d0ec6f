// SPDX-License-Identifier: GPL-3.0-or-later
// Live streams: start, end, list, look at, and the streamer's health panel.
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "net/http/fields.hpp"
#include "net/http/paging.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"
#include "net/http/stream_json.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_title = 140;  // code points

/// JSON has no infinities.
double finite(double value) {
  return std::isfinite(value) ? value : 0;
}

json::value health_json(stream_id id, const stream::health& h) {
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
  auto page = read_page_request(r);
  if (!page) {
    return fail(std::move(page.error()));
  }
  stream::list_request wanted{
      .limit = page->limit, .cursor = std::move(page->cursor), .game_id = std::nullopt};
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
    auto answer =
        json_response(200, to_json(found, [](const stream::info& each) { return to_json(each); }));
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
        return json_response(200, health_json(id, h));
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
