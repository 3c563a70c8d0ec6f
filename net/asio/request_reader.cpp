// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/request_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <spdlog/fmt/fmt.h>

#include "base/check.hpp"
#include "net/asio/chunk_decoder.hpp"
#include "net/http/target.hpp"
#include "net/http/text.hpp"

namespace troupe::net {
namespace {

namespace beast_http = boost::beast::http;
using beast_error = boost::beast::error_code;
using beast_text = boost::beast::string_view;

constexpr std::size_t max_headers = 100;
constexpr std::string_view head_end = "\r\n\r\n";

std::string to_lower(beast_text text) {
  std::string lower(text.data(), text.size());
  for (auto& c : lower) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

std::string_view plain(beast_text text) {
  return {text.data(), text.size()};
}

request_reader::refused_with too_large(std::size_t body_limit) {
  return {413, "too_large", fmt::format("the body is larger than {} bytes", body_limit)};
}

request_reader::refused_with refusal_of(const beast_error& problem) {
  if (problem == beast_http::error::bad_version) {
    return {505, "unsupported_version", "this server speaks HTTP/1.1"};
  }
  return {400, "invalid_request", "the request is not well-formed HTTP: " + problem.message()};
}

/// Beast's events, kept as our request.
class collector final : public beast_http::basic_parser<true> {
 public:
  explicit collector(http::request& r) : request_(r) {}

  std::string_view raw_target() const { return target_; }

  int http_version() const { return version_; }  // 10 or 11

 private:
  void on_request_impl(beast_http::verb, beast_text method, beast_text target, int version,
                       beast_error&) override {
    request_.method = plain(method);
    target_ = plain(target);
    version_ = version;
  }

  void on_response_impl(int, beast_text, int, beast_error&) override {}

  void on_field_impl(beast_http::field, beast_text name, beast_text value,
                     beast_error& problem) override {
    if (request_.headers.size() == max_headers) {
      problem = beast_http::error::header_limit;
      return;
    }
    request_.headers.emplace_back(to_lower(name), std::string(value.data(), value.size()));
  }

  // Beast sees heads only; what follows never comes.
  void on_header_impl(beast_error&) override {}

  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast_error&) override {}

  std::size_t on_body_impl(beast_text, beast_error&) override { return 0; }

  void on_chunk_header_impl(std::uint64_t, beast_text, beast_error&) override {}

  std::size_t on_chunk_body_impl(std::uint64_t, beast_text, beast_error&) override { return 0; }

  void on_finish_impl(beast_error&) override {}

  http::request& request_;
  std::string target_;
  int version_ = 0;
};

}  // namespace

class request_reader::parser {
 public:
  explicit parser(const request_limits& l) : limits(l) { restart(); }

  void restart() {
    now = state::empty;
    request = {};
    syntax.emplace(request);
    pending.clear();
    pending.shrink_to_fit();
    chunks = {};
    length_left = 0;
    expects_continue = false;
  }

  std::size_t put_head(byte_view data);
  std::size_t put_body(byte_view data);

  const request_limits& limits;
  state now = state::empty;
  refused_with why;
  http::request request;
  std::optional<collector> syntax;
  std::string pending;  // the incomplete head
  chunk_decoder chunks;
  std::size_t length_left = 0;  // of a body with Content-Length
  bool expects_continue = false;

 private:
  void read_head(std::string_view head);
  bool check_head();
  bool check_framing();

  bool refuse(refused_with with) {
    now = state::refused;
    why = std::move(with);
    return false;
  }

  std::size_t body_limit_ = 0;
};

std::size_t request_reader::parser::put_head(byte_view data) {
  const auto whole = data.size();
  if (now == state::empty) {
    // RFC 9112, 2.2: empty lines before a request are ignored.
    while (!data.empty() && (data[0] == '\r' || data[0] == '\n')) {
      data = data.subspan(1);
    }
    if (data.empty()) {
      return whole;
    }
    now = state::head;
  }
  std::string_view text = as_text(data);
  const auto before = pending.size();
  if (before != 0) {
    pending += text;
    text = pending;
  }
  const auto end = text.find(head_end, before - std::min<std::size_t>(before, head_end.size() - 1));
  const auto size = end == text.npos ? text.size() : end + head_end.size();
  if (size > limits.head) {
    refuse({431, "headers_too_large",
            fmt::format("request line and headers are longer than {} bytes", limits.head)});
    return whole;
  }
  if (end == text.npos) {
    if (before == 0) {
      pending = text;
    }
    return whole;
  }
  read_head(text.substr(0, size));
  const auto after = text.size() - size;
  pending.clear();
  return whole - after;
}

void request_reader::parser::read_head(std::string_view head) {
  beast_error problem;
  syntax->header_limit(static_cast<std::uint32_t>(head.size() + 1));
  syntax->skip(true);  // bodies are ours: see chunk_decoder
  syntax->body_limit(boost::none);
  const auto used = syntax->put({head.data(), head.size()}, problem);
  if (problem == beast_http::error::header_limit) {
    refuse({431, "headers_too_large", fmt::format("more than {} headers", max_headers)});
  } else if (problem == beast_http::error::need_more || (!problem && used != head.size())) {
    refuse({400, "invalid_request", "the request is not well-formed HTTP"});
  } else if (problem) {
    refuse(refusal_of(problem));
  } else if (check_head()) {
    now = syntax->chunked() || length_left != 0 ? state::body : state::complete;
  }
}

bool request_reader::parser::check_head() {
  auto where = http::parse_target(syntax->raw_target());
  if (!where) {
    return refuse({400, where.error().reason, where.error().message});
  }
  request.path = std::move(where->path);
  request.query = std::move(where->query);
  const auto hosts = std::ranges::count(request.headers, std::string_view("host"),
                                        [](const auto& h) -> std::string_view { return h.first; });
  if (hosts > 1 || (hosts == 0 && syntax->http_version() >= 11)) {
    return refuse({400, "invalid_request", "a request needs exactly one Host header"});
  }
  return check_framing();
}

// What could make us and a proxy in front disagree about where a request ends is refused; Beast has
// refused differing lengths, and lengths beside Transfer-Encoding.
bool request_reader::parser::check_framing() {
  for (const auto& [name, value] : request.headers) {
    if (name == "transfer-encoding" && syntax->http_version() < 11) {
      return refuse({400, "invalid_request", "HTTP/1.0 has no Transfer-Encoding"});
    }
    if (name == "transfer-encoding" && !http::equals_ignoring_case(value, "chunked")) {
      return refuse({501, "unsupported", "the only Transfer-Encoding is chunked"});
    }
    if (name == "expect" && syntax->http_version() >= 11) {
      if (!http::equals_ignoring_case(value, "100-continue")) {
        return refuse({417, "expectation_failed", "the only expectation is 100-continue"});
      }
      expects_continue = true;
    }
  }
  body_limit_ = limits.body_for ? limits.body_for(request.method, request.path) : limits.body;
  const auto length = syntax->content_length();
  if (length && *length > body_limit_) {
    return refuse(too_large(body_limit_));
  }
  length_left = static_cast<std::size_t>(length.value_or(0));
  return true;
}

std::size_t request_reader::parser::put_body(byte_view data) {
  const auto text = as_text(data);
  if (!syntax->chunked()) {
    const auto used = std::min(length_left, text.size());
    request.body.append(text.substr(0, used));
    length_left -= used;
    now = length_left == 0 ? state::complete : state::body;
    return used;
  }
  const auto used = chunks.put(text, request.body, body_limit_);
  if (chunks.now() == chunk_decoder::state::complete) {
    now = state::complete;
  } else if (chunks.now() == chunk_decoder::state::too_large) {
    refuse(too_large(body_limit_));
  } else if (chunks.now() == chunk_decoder::state::malformed) {
    refuse({400, "invalid_request", "the chunks of the body are not well-formed"});
  }
  return used;
}

request_reader::request_reader(const request_limits& limits)
    : parser_(std::make_unique<parser>(limits)) {}

request_reader::~request_reader() = default;

std::size_t request_reader::put(byte_view data) {
  std::size_t used = 0;
  if (parser_->now == state::empty || parser_->now == state::head) {
    used = parser_->put_head(data);
  }
  if (parser_->now == state::body && used < data.size()) {
    used += parser_->put_body(data.subspan(used));
  }
  return used;
}

request_reader::state request_reader::now() const {
  return parser_->now;
}

const request_reader::refused_with& request_reader::refusal() const {
  return parser_->why;
}

bool request_reader::expects_continue() const {
  return parser_->expects_continue;
}

bool request_reader::keeps_alive() const {
  return parser_->syntax->keep_alive();
}

bool request_reader::is_upgrade() const {
  return parser_->syntax->upgrade();
}

bool request_reader::is_http_1_0() const {
  return parser_->syntax->http_version() < 11;
}

bool request_reader::is_head_request() const {
  return parser_->request.method == "HEAD";
}

http::request request_reader::take() {
  TROUPE_CHECK(parser_->now == state::complete, "there is a request to take");
  auto request = std::move(parser_->request);
  parser_->restart();
  return request;
}

}  // namespace troupe::net
