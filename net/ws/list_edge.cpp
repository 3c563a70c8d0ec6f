// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_edge.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/address_key.hpp"
#include "base/check.hpp"
#include "base/error.hpp"
#include "net/http/reply.hpp"
#include "net/ws/handshake.hpp"

namespace troupe::ws {
namespace {

constexpr std::string_view address = "/api/v1/streams/ws";
constexpr std::uint64_t everybody = 1;  // the one key of the total
constexpr std::string_view refusal_reasons[] = {"handshake",     "query", "connect_rate",
                                                "address_limit", "total", "lists"};

result<list_topic> read_topic(const http::request& r) {
  list_topic topic;
  if (const auto game = r.query_value("game_id")) {
    const auto number = parse_id(*game);
    if (!number) {
      return fail(errc::invalid_argument, "\"game_id\" must be a whole number from 1");
    }
    topic.game = *number;
  }
  if (const auto limit = r.query_value("limit")) {
    int number = 0;
    const auto* last = limit->data() + limit->size();
    const auto [end, failure] = std::from_chars(limit->data(), last, number);
    if (failure != std::errc() || end != last || number < 1 || number > longest_list) {
      return fail(errc::invalid_argument, "\"limit\" must be a whole number from 1 to 1000");
    }
    topic.limit = rounded_limit(number);
  }
  return topic;
}

}  // namespace

list_edge::list_edge(const list_settings& s, const list_dependencies& d, std::unique_ptr<loop> feed,
                     std::vector<std::unique_ptr<loop>> loops)
    : time_(d.time),
      accepted_(d.counters.make_counter("troupe_list_sockets_accepted_total",
                                        "Sockets opened to follow a list of live streams")),
      refused_(d.counters, "troupe_list_sockets_refused_total",
               "The same, refused in their handshake, by reason", "reason", refusal_reasons),
      socket_counters_(d.counters, "troupe_list_bad_frames_total",
                       "troupe_list_sockets_closed_total",
                       "Sockets with a list of live streams closed for what their peer did"),
      hub_counters_(d.counters),
      connects_("list_connects", s.connects_per_minute_per_address, s.tracked_peers, d.time,
                d.counters),
      total_(s.sockets_total),
      per_address_(s.sockets_per_address),
      places_(s.lists),
      feed_(std::make_shared<list_feed>(std::move(feed), d.streams, d.time, d.counters, s.feed)) {
  for (auto& l : loops) {
    hubs_.push_back(std::make_shared<list_hub>(std::move(l), feed_, hub_counters_, hubs_.size()));
  }
  feed_->attach(hubs_);
}

list_edge::~list_edge() = default;

bool list_edge::serves(std::string_view path) {
  return path == address;
}

http::response list_edge::answer(const http::request& r) const {
  return answer_to_no_handshake(r);
}

std::optional<list_edge::refusal> list_edge::admit(const http::request& r,
                                                   list_session_start& start) {
  if (!r.is_trusted) {
    const auto key = address_key(r.remote_address);
    if (const auto wait = connects_.refuse(key)) {
      return refusal{
          "connect_rate",
          http::error_response(
              make_error(errc::rate_limited, "too many connections of this address in a minute"),
              wait)};
    }
    // Here too, because the server below counts a proxy's connections as the proxy's.
    if (!start.address_place.move_to(per_address_, key)) {
      return refusal{"address_limit",
                     http::error_response(make_error(errc::rate_limited, "too_many_connections",
                                                     "too many connections of one address"))};
    }
  }
  if (!start.place.move_to(total_, everybody)) {
    return refusal{"total", http::error_response(
                                make_error(errc::unavailable, "too_many_subscribers",
                                           "too many follow the list here; ask for it instead"))};
  }
  start.list = places_.take(start.topic);
  if (!start.list) {
    return refusal{"lists",
                   http::error_response(make_error(
                       errc::unavailable, "too_many_lists",
                       "too many different lists are followed here; ask for this one instead"))};
  }
  return std::nullopt;
}

void list_edge::upgrade(const http::request& r, std::unique_ptr<net::upgrade_request> how) {
  const auto refuse = [&](std::string_view why, http::response answer) {
    refused_.add(why);
    how->refuse(std::move(answer));
  };
  auto accept = check_handshake(r);
  if (!accept) {
    refuse("handshake", std::move(accept.error()));
    return;
  }
  const auto topic = read_topic(r);
  if (!topic) {
    refuse("query", http::error_response(topic.error()));
    return;
  }
  auto start = std::make_shared<list_session_start>();
  start->topic = *topic;
  start->number = ++sockets_so_far_;
  if (auto refused = admit(r, *start)) {
    refuse(refused->why, std::move(refused->answer));
    return;
  }
  const auto here = std::ranges::find_if(hubs_, [](const auto& h) { return h->is_current(); });
  TROUPE_CHECK(here != hubs_.end(), "sockets are opened on I/O threads");
  how->accept({{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", *accept}},
              [this, hub = *here, start](net::tcp_connection& connection) {
                accepted_.add();
                return std::make_unique<list_session>(time_, socket_counters_, hub, connection,
                                                      std::move(*start));
              });
}

}  // namespace troupe::ws
