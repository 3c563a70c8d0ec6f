// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/http_session.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "net/asio/response_head.hpp"
#include "net/http/reply.hpp"

namespace troupe::net {
namespace {

using state = request_reader::state;

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";
// Pipelined bytes kept while an answer is made; then the peer's window closes. One read of 64 KiB
// may come on top.
constexpr std::size_t backlog_limit = 16 * 1024;
// Answers of pipelined requests are queued up to this, then the client has to read first.
constexpr std::size_t pipelined_outbox = 64 * 1024;
constexpr std::size_t max_forwarded = 16;  // proxies in a row that are believed

http::response status_response(int status, std::string_view code, const std::string& message) {
  return http::error_response(status, code, message);
}

/// What answers one request, from whichever thread; 500 when it is dropped.
class answer_slot {
 public:
  answer_slot(std::weak_ptr<tcp_connection> connection, std::uint64_t number)
      : connection_(std::move(connection)), number_(number) {}

  answer_slot(answer_slot&& other) noexcept
      : connection_(std::move(other.connection_)),
        number_(other.number_),
        used_(std::exchange(other.used_, true)) {}

  answer_slot& operator=(answer_slot&&) = delete;

  ~answer_slot() {
    if (!used_) {
      (*this)(status_response(500, "internal", "the request was not answered"));
    }
  }

  void operator()(http::response answer) {
    deliver([number = number_, answer = std::move(answer)](http_session& session) mutable {
      session.on_answer(number, std::move(answer));
    });
  }

  template <class Job>
  void deliver(Job job) {
    const auto connection = connection_.lock();
    if (std::exchange(used_, true) || !connection) {
      return;
    }
    connection->post([job = std::move(job)](tcp_session& session) mutable {
      // Another protocol may have taken over since.
      if (auto* http = dynamic_cast<http_session*>(&session)) {
        job(*http);
      }
    });
  }

 private:
  std::weak_ptr<tcp_connection> connection_;
  std::uint64_t number_;
  bool used_ = false;
};

class pending_upgrade final : public upgrade_request {
 public:
  pending_upgrade(std::weak_ptr<tcp_connection> connection, std::uint64_t number)
      : slot_(std::move(connection), number), number_(number) {}

  void accept(header_list headers, make_session make) override {
    slot_.deliver([number = number_, headers = std::move(headers),
                   make = std::move(make)](http_session& session) mutable {
      session.on_upgrade(number, headers, std::move(make));
    });
  }

  void refuse(http::response answer) override { slot_(std::move(answer)); }

 private:
  answer_slot slot_;
  std::uint64_t number_;
};

/// An address as proxies write it: "192.0.2.7", "192.0.2.7:4711", "2001:db8::1", "[2001:db8::1]",
/// "[2001:db8::1]:4711". Nothing for "unknown" and the like.
std::optional<ip_address> address_of_hop(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    const auto rest = end == text.npos ? "" : text.substr(end + 1);
    const bool is_whole = end != text.npos && (rest.empty() || rest.starts_with(':'));
    return is_whole ? ip_address::parse(text.substr(1, end - 1)) : std::nullopt;
  }
  const auto colon = text.find(':');
  const bool has_port = colon != text.npos && text.find(':', colon + 1) == text.npos;
  return ip_address::parse(has_port ? text.substr(0, colon) : text);
}

/// The client behind trusted proxies: from the right, the first address that is not one of them.
/// Nothing when what a trusted proxy wrote cannot be read: then nobody knows who it is.
std::optional<ip_address> client_behind(const ip_address& peer, const http::request& r,
                                        const trusted_addresses& trusted) {
  std::vector<std::string_view> hops;
  for (const auto& [name, value] : r.headers) {
    std::string_view rest = value;
    while (name == "x-forwarded-for" && !rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      auto hop = rest.substr(0, comma);
      hop.remove_prefix(std::min(hop.find_first_not_of(" \t"), hop.size()));
      hop = hop.substr(0, hop.find_last_not_of(" \t") + 1);
      if (!hop.empty()) {  // RFC 9110, 5.6.1.2
        hops.push_back(hop);
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  if (hops.empty()) {
    return std::nullopt;
  }
  auto client = peer;
  std::size_t believed = 0;
  for (auto hop = hops.rbegin();
       hop != hops.rend() && believed < max_forwarded && trusted.contains(client);
       ++hop, ++believed) {
    const auto address = address_of_hop(*hop);
    if (!address) {
      return std::nullopt;
    }
    client = *address;
  }
  return client;
}

}  // namespace

http_context::http_context(http_options o, metrics& m, http::handler h, upgrade_handler u)
    : options(std::move(o)),
      limits{options.head_limit, options.body_limit, options.body_limit_for},
      answer(std::move(h)),
      upgrade(std::move(u)) {
  constexpr std::array classes{"1xx", "2xx", "3xx", "4xx", "5xx"};
  for (const auto* name : classes) {
    requests_.push_back(&m.make_counter("troupe_http_requests_total",
                                        "Requests answered, by class of status",
                                        {{"server", options.tcp.name}, {"status", name}}));
  }
}

bool http_context::may_complain() const {
  return !complained_.exchange(true);
}

void http_context::count(int status) const {
  const auto index = std::clamp(status / 100, 1, 5) - 1;
  requests_[static_cast<std::size_t>(index)]->add();
}

http_session::http_session(std::shared_ptr<const http_context> context,
                           const std::shared_ptr<tcp_connection>& connection)
    : context_(std::move(context)),
      connection_(*connection),
      weak_connection_(connection),
      reader_(context_->limits) {
  connection_.set_deadline(context_->options.idle_deadline);
}

// Reading

bool http_session::must_wait() const {
  return answering_ || connection_.queued_bytes() > pipelined_outbox;
}

void http_session::on_bytes(byte_view data) {
  if (must_wait() || !backlog_.empty()) {
    backlog_.insert(backlog_.end(), data.begin(), data.end());
    if (backlog_.size() > backlog_limit) {
      connection_.pause_reading();
    }
    return;
  }
  process(data);
}

void http_session::process(byte_view data) {
  while (!data.empty() && connection_.is_open()) {
    if (must_wait()) {
      backlog_.assign(data.begin(), data.end());
      break;
    }
    data = data.subspan(reader_.put(data));
    at_hand_ = data.size();
    if (reader_.now() == state::refused) {
      const auto& why = reader_.refusal();
      refuse(why.status, why.code, why.message);
      return;
    }
    if (reader_.now() == state::complete) {
      begin_answer();
      if (upgraded_) {
        hand_over(data);
        return;
      }
    } else {
      watch_progress();
    }
  }
  at_hand_ = 0;
  close_if_over();
}

/// After a half-close everything that came before it is still answered.
void http_session::close_if_over() {
  if (ended_ && !answering_ && backlog_.empty() && at_hand_ == 0) {
    connection_.close();
  }
}

void http_session::process_backlog() {
  if (backlog_.empty()) {
    return;
  }
  const auto waiting = std::exchange(backlog_, {});
  process(waiting);
  if (backlog_.size() <= backlog_limit) {
    connection_.resume_reading();
  }
}

/// A head, and then a body, has a deadline of its own from its first byte on, however it dribbles.
void http_session::watch_progress() {
  if (reader_.now() == state::head && timed_ != state::head) {
    connection_.set_deadline(context_->options.head_deadline);
    timed_ = state::head;
  } else if (reader_.now() == state::body && timed_ != state::body) {
    connection_.set_deadline(context_->options.body_deadline);
    timed_ = state::body;
  }
  if (reader_.now() == state::body && reader_.expects_continue() &&
      !std::exchange(continued_, true)) {
    const auto line = as_bytes(continue_line);
    connection_.send(shared_bytes(bytes(line.begin(), line.end())));
  }
}

bool http_session::on_deadline() {
  if (answering_) {
    log::warn("a request was not answered in time address={}", connection_.remote_address());
    refuse(504, "deadline_exceeded", "the answer took too long");
  } else if (timed_ != state::empty) {
    refuse(408, "request_timeout", "the request did not arrive in time");
  } else if (connection_.queued_bytes() != 0) {
    // A long answer is still being read; a client that stands still meets the write-stall limit.
    connection_.set_deadline(context_->options.idle_deadline);
  } else {
    connection_.close();
  }
  return true;
}

bool http_session::on_end() {
  ended_ = true;
  peer_left_->store(true);
  close_if_over();
  return true;
}

void http_session::on_drained() {
  if (!answering_) {
    process_backlog();
  }
}

bool http_session::on_stop() {
  stopping_ = true;
  return answering_;
}

// Answering

http::request http_session::take_request() {
  keep_alive_ = reader_.keeps_alive();
  is_head_ = reader_.is_head_request();
  is_http_1_0_ = reader_.is_http_1_0();
  auto request = reader_.take();
  request.remote_address = connection_.remote_address();
  request.is_trusted = connection_.is_trusted();
  request.peer_left = peer_left_;
  if (request.is_trusted && request.header("x-forwarded-for")) {
    const auto& trusted = context_->options.tcp.trusted;
    const auto peer = ip_address::parse(request.remote_address).value_or(ip_address{});
    const auto client = client_behind(peer, request, trusted);
    request.is_trusted = client && trusted.contains(*client);
    request.remote_address = client ? client->to_string() : "unknown";
    if (!client && context_->may_complain()) {
      log::warn(
          "X-Forwarded-For of a trusted proxy is not a list of addresses, its clients are "
          "limited as one proxy={}",
          peer.to_string());
    }
  }
  return request;
}

void http_session::begin_answer() {
  const bool is_upgrade = context_->upgrade && reader_.is_upgrade();
  answering_ = true;
  continued_ = false;
  timed_ = state::empty;
  const auto number = ++number_;
  auto request = take_request();
  connection_.set_deadline(context_->options.answer_deadline);
  try {
    if (is_upgrade && request.body.empty() && !is_http_1_0_) {
      context_->upgrade(std::move(request),
                        std::make_unique<pending_upgrade>(weak_connection_, number));
    } else {
      context_->answer(std::move(request), answer_slot(weak_connection_, number));
    }
  } catch (const std::exception& e) {
    // The slot has answered 500 when the stack unwound.
    log::critical("a request handler threw: {}", e.what());
  }
}

void http_session::on_answer(std::uint64_t number, http::response answer) {
  if (!answering_ || number != number_) {
    return;  // it came after its deadline
  }
  send_answer(std::move(answer));
  if (connection_.is_open() && !must_wait()) {
    process_backlog();
  }
  close_if_over();
}

void http_session::send_answer(http::response answer) {
  answering_ = false;
  timed_ = state::empty;
  context_->count(answer.status);
  const bool last = !keep_alive_ || stopping_ || (ended_ && backlog_.empty() && at_hand_ == 0);
  auto kind = last ? connection_header::close : connection_header::none;
  if (!last && is_http_1_0_) {
    kind = connection_header::keep_alive;
  }
  std::vector<shared_bytes> out;
  out.reserve(1 + answer.body.size());
  out.push_back(response_head(answer, kind));
  const bool has_body = !is_head_ && answer.status != 204 && answer.status != 304;
  if (has_body) {
    std::ranges::move(answer.body, std::back_inserter(out));
  }
  connection_.send(std::move(out));
  if (last) {
    connection_.close();
  } else {
    connection_.set_deadline(context_->options.idle_deadline);
  }
}

void http_session::refuse(int status, std::string_view code, const std::string& message) {
  ++number_;  // a late answer finds another number
  keep_alive_ = false;
  is_head_ = false;
  send_answer(status_response(status, code, message));
}

void http_session::on_upgrade(std::uint64_t number, const upgrade_request::header_list& headers,
                              upgrade_request::make_session make) {
  if (!answering_ || number != number_) {
    return;
  }
  answering_ = false;
  context_->count(101);
  connection_.send(response_head({101, headers, {}}, connection_header::upgrade));
  connection_.set_deadline(duration::zero());
  auto session = make(connection_);
  if (!session || stopping_ || ended_) {
    connection_.close();
    return;
  }
  // This session lives on until its present call has returned.
  connection_.replace_session(std::move(session));
  upgraded_ = true;
  connection_.resume_reading();
  hand_over(backlog_);
}

/// What came after the request belongs to the new protocol.
void http_session::hand_over(byte_view rest) {
  if (!rest.empty()) {
    connection_.post([rest](tcp_session& next) { next.on_bytes(rest); });  // runs at once
  }
}

}  // namespace troupe::net
