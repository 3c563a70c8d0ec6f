// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/response_head.hpp"

#include <array>
#include <ctime>
#include <iterator>
#include <string>

#include <boost/beast/http/status.hpp>

#include <spdlog/fmt/fmt.h>

namespace troupe::net {
namespace {

/// RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT". Made once a second and thread.
std::string_view http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::array<char, 32> text{};
  thread_local std::size_t size = 0;
  const auto now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    // The C locale's names: nobody here calls setlocale().
    size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made_at = now;
  }
  return {text.data(), size};
}

void append(bytes& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void append_value(bytes& out, std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    out.push_back(octet < 0x20 || octet == 0x7F ? ' ' : octet);
  }
}

std::string_view line_of(connection_header connection) {
  switch (connection) {
    case connection_header::close:
      return "Connection: close\r\n";
    case connection_header::keep_alive:
      return "Connection: keep-alive\r\n";
    case connection_header::upgrade:
      return "Connection: Upgrade\r\n";
    case connection_header::none:
      break;
  }
  return "";
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto text = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  return {text.data(), text.size()};
}

namespace {

shared_bytes make_head(const http::response& r, connection_header connection,
                       std::string_view date) {
  bytes out;
  out.reserve(512);
  append(out, "HTTP/1.1 ");
  append(out, fmt::format_int(r.status).c_str());
  append(out, " ");
  append(out, reason_phrase(r.status));
  append(out, "\r\n");
  if (!date.empty()) {
    append(out, "Date: ");
    append(out, date);
    append(out, "\r\n");
  }
  for (const auto& [name, value] : r.headers) {
    append_value(out, name);
    append(out, ": ");
    append_value(out, value);
    append(out, "\r\n");
  }
  if (r.status >= 200 && r.status != 204 && r.status != 304) {
    std::size_t length = 0;
    for (const auto& part : r.body) {
      length += part.size();
    }
    append(out, "Content-Length: ");
    append(out, fmt::format_int(length).c_str());
    append(out, "\r\n");
  }
  append(out, line_of(connection));
  append(out, "\r\n");
  return shared_bytes(std::move(out));
}

}  // namespace

shared_bytes response_head(const http::response& r, connection_header connection) {
  return make_head(r, connection, http_date());
}

shared_bytes undated_response_head(const http::response& r, connection_header connection) {
  return make_head(r, connection, {});
}

}  // namespace troupe::net
