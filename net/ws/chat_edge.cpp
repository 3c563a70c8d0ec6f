// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/chat_edge.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "base/check.hpp"
#include "base/log.hpp"
#include "net/http/auth_cookie.hpp"
#include "net/http/reply.hpp"
#include "net/http/text.hpp"
#include "net/ws/chat_session.hpp"
#include "net/ws/handshake.hpp"

namespace troupe::ws {
namespace {

constexpr std::size_t shortest_viewer_id = 16;
constexpr std::size_t longest_viewer_id = 64;
constexpr std::size_t longest_agent = 256;  // presence.hpp
constexpr std::string_view refusal_reasons[] = {"handshake",     "leaving",       "query",
                                                "connect_rate",  "address_limit", "account_limit",
                                                "invalid_token", "not_found",     "unavailable"};

/// Of an answer of the room's or the store's.
std::string_view refusal_reason(const error& why) {
  return why.code == errc::not_found ? "not_found" : "unavailable";
}

constexpr duration open_deadline = viewer::longest_join + std::chrono::seconds(2);

struct address {
  bool is_stream = false;
  id number = 0;
};

/// /api/v1/channels/{user_id}/chat/ws, /api/v1/streams/{stream_id}/chat/ws
std::optional<address> address_of(std::string_view path) {
  constexpr std::string_view channels = "/api/v1/channels/";
  constexpr std::string_view streams = "/api/v1/streams/";
  constexpr std::string_view end = "/chat/ws";
  const bool is_stream = path.starts_with(streams);
  if ((!is_stream && !path.starts_with(channels)) || !path.ends_with(end)) {
    return std::nullopt;
  }
  path.remove_prefix(is_stream ? streams.size() : channels.size());
  if (path.size() <= end.size()) {
    return std::nullopt;
  }
  const auto number = parse_id(path.substr(0, path.size() - end.size()));
  return number ? std::optional<address>({is_stream, *number}) : std::nullopt;
}

struct query {
  std::optional<std::int64_t> after;
  std::optional<std::string> token;
  std::string resume;
  std::string viewer;
  bool plays_natively = false;
};

bool is_viewer_id(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return text.size() >= shortest_viewer_id && text.size() <= longest_viewer_id &&
         std::ranges::all_of(text, fits);
}

std::optional<std::int64_t> parse_seq(std::string_view text) {
  return text == "0" ? std::optional<std::int64_t>(0) : parse_id(text);
}

result<query> read_query(const http::request& r) {
  query q;
  if (const auto after = r.query_value("after")) {
    q.after = parse_seq(*after);
    if (!q.after) {
      return fail(errc::invalid_argument, "after is a sequence number");
    }
  }
  q.token = r.query_value("token");
  q.resume = r.query_value("resume").value_or("");
  q.viewer = r.query_value("viewer").value_or("");
  if (!q.viewer.empty() && !is_viewer_id(q.viewer)) {
    return fail(errc::invalid_argument, "viewer is 16 to 64 letters, digits, '_' and '-'");
  }
  q.plays_natively = r.query_value("native") == "1";
  return q;
}

/// Our own page: its Origin is the host it asks. Browsers always send one with a WebSocket.
bool is_own_page(const http::request& r) {
  return r.header("origin").has_value() && http::is_from_own_origin(r);
}

std::optional<std::string_view> bearer_token(const http::request& r) {
  constexpr std::string_view scheme = "bearer ";
  const auto header = r.header("authorization");
  if (!header || header->size() < scheme.size() ||
      !http::equals_ignoring_case(header->substr(0, scheme.size()), scheme)) {
    return header ? std::optional<std::string_view>("") : std::nullopt;
  }
  return http::trimmed(header->substr(scheme.size()));
}

}  // namespace

/// One who wants in, until the socket is a chat_session's or refused. Lives on its I/O thread.
struct chat_edge::arrival {
  arrival(http::request r, query q, address a, const station& s,
          std::unique_ptr<net::upgrade_request> u, std::string key)
      : request(std::move(r)),
        asked(std::move(q)),
        where(a),
        at(s),
        upgrade(std::move(u)),
        accept(std::move(key)) {}

  arrival(const arrival&) = delete;
  arrival& operator=(const arrival&) = delete;

  ~arrival() {
    if (!is_held) {
      return;
    }
    if (at.hub->is_current()) {
      at.hub->release(room);
    } else {
      at.hub->post([id = room](hub& h) { h.release(id); });
    }
  }

  void refuse(const error& why) { upgrade->refuse(http::error_response(why)); }

  http::request request;
  const query asked;
  const address where;
  const station& at;
  std::unique_ptr<net::upgrade_request> upgrade;
  const std::string accept;
  account::identity who;  // id 0: read only
  user_id room = 0;
  bool is_held = false;
  std::uint64_t notices = 0;
  socket_place place;
  socket_place address_place;
  std::optional<viewer_lease> viewer;
};

chat_edge::chat_edge(edge_settings s, const edge_dependencies& d,
                     std::vector<std::unique_ptr<loop>> loops)
    : settings_(std::move(s)),
      streams_(d.streams),
      context_{.node = settings_.node,
               .incarnation = settings_.incarnation,
               .entities = d.entities,
               .accounts = d.accounts,
               .presence = d.presence,
               .time = d.time,
               .tokens = viewer::resume_tokens(d.resume_key, d.time),
               .per_account = socket_counts(settings_.sockets_per_user),
               .per_address = socket_counts(settings_.sockets_per_address),
               .counters = session_metrics(d.counters)},
      fanout_(d.fanout),
      hub_counters_(d.counters),
      accepted_(
          d.counters.make_counter("troupe_chat_sockets_accepted_total", "Chat sockets opened")),
      refused_(d.counters, "troupe_chat_sockets_refused_total",
               "Chat sockets refused in their handshake, by reason", "reason", refusal_reasons),
      connects_("chat_connects", settings_.connects_per_minute_per_address, settings_.tracked_peers,
                d.time, d.counters) {
  std::vector<std::shared_ptr<hub>> hubs;
  for (auto& l : loops) {
    auto options = settings_.hubs;
    options.on_listening = [&entities = d.entities, tells = d.entities.open_session(),
                            node = settings_.node](user_id room, std::int64_t heard) {
      entities.tell(tells, {"relay", fmt::format("{}/{}", node, room)}, chat::listening{heard});
    };
    hubs.push_back(
        std::make_shared<hub>(std::move(l), d.time, hub_counters_, options, d.fanout, hubs.size()));
    stations_.push_back({hubs.back(), d.entities.open_session(), d.entities.open_session()});
  }
  fanout_.attach(std::move(hubs));
}

chat_edge::~chat_edge() {
  fanout_.detach();
}

bool chat_edge::serves(std::string_view path) {
  return address_of(path).has_value();
}

http::response chat_edge::answer(const http::request& r) const {
  return answer_to_no_handshake(r);
}

station* chat_edge::here() {
  const auto at =
      std::ranges::find_if(stations_, [](const auto& s) { return s.hub->is_current(); });
  return at == stations_.end() ? nullptr : &*at;
}

std::size_t chat_edge::sockets() const {
  std::size_t all = 0;
  for (const auto& s : stations_) {
    all += s.hub->members();
  }
  return all;
}

void chat_edge::send_away(const std::function<void()>& done) {
  is_leaving_ = true;
  const auto left = std::make_shared<std::atomic<std::size_t>>(stations_.size());
  for (const auto& s : stations_) {
    s.hub->post([left, done](hub& h) {
      h.send_away();
      if (--*left == 0) {
        done();
      }
    });
  }
}

void chat_edge::upgrade(http::request r, std::unique_ptr<net::upgrade_request> how) {
  const auto refuse = [&](std::string_view why, http::response answer) {
    refused_.add(why);
    how->refuse(std::move(answer));
  };
  auto accept = check_handshake(r);
  const auto where = address_of(r.path);
  auto* at = here();
  if (!accept || !where || at == nullptr) {
    TROUPE_CHECK(at != nullptr, "sockets are opened on I/O threads");
    refuse("handshake",
           accept ? http::error_response(404, "not_found", "no such address") : accept.error());
    return;
  }
  if (is_leaving_) {
    refuse("leaving", http::error_response(make_error(errc::unavailable, "node_leaving",
                                                      "this node is leaving: come to another")));
    return;
  }
  auto asked = read_query(r);
  if (!asked) {
    refuse("query", http::error_response(asked.error()));
    return;
  }
  socket_place of_address;
  if (!r.is_trusted) {
    const auto key = address_key(r.remote_address);
    if (const auto wait = connects_.refuse(key)) {
      refuse("connect_rate",
             http::error_response(
                 make_error(errc::rate_limited, "too many connections of this address in a minute"),
                 wait));
      return;
    }
    // Here too, because the server below counts a proxy's connections as the proxy's.
    if (!of_address.move_to(context_.per_address, key)) {
      refuse("address_limit",
             http::error_response(make_error(errc::rate_limited, "too_many_connections",
                                             "too many connections of one address")));
      return;
    }
  }
  auto a = std::make_shared<arrival>(std::move(r), *std::move(asked), *where, *at, std::move(how),
                                     *std::move(accept));
  a->address_place = std::move(of_address);
  identify(a);
}

/// The Authorization header, then token=, then the page's cookie. A wrong token refuses; a cookie
/// that is none any more makes a reader of its page, which can log in and say auth.
void chat_edge::identify(const arrival_ptr& a) {
  const auto& r = a->request;
  auto token = bearer_token(r);
  if (!token && a->asked.token) {
    token = *a->asked.token;
  }
  if (token) {
    auto who = context_.accounts.verify(*token);
    if (!who || context_.accounts.has_ended(*who)) {
      refused_.add("invalid_token");
      a->refuse(who ? make_error(errc::unauthenticated, "invalid_token", "this log-in has ended")
                    : who.error());
      return;
    }
    a->who = *std::move(who);
    find_room(a);
    return;
  }
  auto cookie = is_own_page(r) ? http::refresh_token_of_page(r) : std::nullopt;
  if (!cookie || cookie->empty()) {
    find_room(a);
    return;
  }
  context_.accounts.identify(*std::move(cookie), [this, a](result<account::identity> who) {
    a->at.hub->post([this, a, who = std::move(who)](hub&) mutable {
      if (who) {
        a->who = *std::move(who);
      }
      find_room(a);
    });
  });
}

void chat_edge::find_room(const arrival_ptr& a) {
  if (!a->where.is_stream) {
    a->room = a->where.number;
    join(a);
    return;
  }
  streams_.find(a->where.number, [this, a](result<stream::info> found) {
    a->at.hub->post([this, a, found = std::move(found)](hub&) {
      if (!found) {
        refused_.add(refusal_reason(found.error()));
        a->refuse(found.error());
        return;
      }
      a->room = found->owner;
      join(a);
    });
  });
}

void chat_edge::join(const arrival_ptr& a) {
  if (!a->place.move_to(context_.per_account, key_of(a->who.id))) {
    refused_.add("account_limit");
    a->refuse(make_error(errc::rate_limited, "too_many_connections",
                         "too many connections of one account"));
    return;
  }
  a->notices = a->at.hub->hold(a->room);
  a->is_held = true;
  const auto number = ++viewers_;
  a->viewer.emplace(context_, a->at, number);
  viewer::open m;
  m.room = a->room;
  m.session = viewer::text_of(viewer::random_session());
  m.speaks = {{a->who.id, a->who.username, a->who.is_administrator}, to_unix_ms(a->who.expires_at)};
  m.after = a->asked.after;
  const auto before = context_.tokens.read(a->asked.resume);
  if (before && before->room == a->room) {
    m.resumed = viewer::resumed{viewer::text_of(before->session), before->user};
    m.after = m.after ? m.after : before->last_seq;
  }
  context_.entities.ask(a->at.speaks, context_.viewer(number), std::move(m), open_deadline,
                        [this, a](result<viewer::opened> opened) {
                          a->at.hub->post([this, a, opened = std::move(opened)](hub&) mutable {
                            welcome(a, std::move(opened));
                          });
                        });
}

void chat_edge::welcome(const arrival_ptr& a, result<viewer::opened> opened) {
  if (opened && is_leaving_) {
    opened = fail(errc::unavailable, "node_leaving", "this node is leaving: come to another");
  }
  if (!opened) {
    refused_.add(is_leaving_ ? "leaving" : refusal_reason(opened.error()));
    a->refuse(opened.error());
    return;
  }
  std::string person;
  if (a->who.id != 0) {
    person = "u:" + std::to_string(a->who.id);
  } else if (!a->asked.viewer.empty()) {
    person = "v:" + a->asked.viewer;
  }
  auto start = std::make_shared<session_start>(session_start{
      .room = a->room,
      .viewer = *std::move(a->viewer),
      .place = std::move(a->place),
      .address_place = std::move(a->address_place),
      .who = std::move(a->who),
      .watcher = {.channel = a->room,
                  .person = std::move(person),
                  .address = a->request.remote_address,
                  .agent = std::string(
                      a->request.header("user-agent").value_or("").substr(0, longest_agent)),
                  .plays_natively = a->asked.plays_natively,
                  .is_trusted = a->request.is_trusted},
      .notices = a->notices,
      .opened = *std::move(opened)});
  a->viewer.reset();
  // Runs now, or not at all when the connection is gone; either way the room was held until here.
  a->upgrade->accept({{"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", a->accept}},
                     [this, &s = a->at, start](net::tcp_connection& connection) {
                       accepted_.add();
                       return std::make_unique<chat_session>(context_, s, connection,
                                                             std::move(*start));
                     });
}

}  // namespace troupe::ws
