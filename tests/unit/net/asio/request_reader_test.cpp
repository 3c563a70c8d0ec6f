// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/request_reader.hpp"

#include <string>

#include <spdlog/fmt/fmt.h>
#include <catch2/catch.hpp>

using namespace troupe;
using net::request_reader;
using state = net::request_reader::state;

namespace {

const net::request_limits limits;

std::string describe(const http::request& r) {
  auto all = fmt::format("{} {}\n", r.method, r.path);
  for (const auto& [name, value] : r.query) {
    all += fmt::format("?{}={}\n", name, value);
  }
  for (const auto& [name, value] : r.headers) {
    all += fmt::format("{}: {}\n", name, value);
  }
  return all += r.body;
}

/// All requests of a stream that comes in pieces of that size.
std::string read_in_pieces(const std::string& stream, std::size_t piece) {
  request_reader reader(limits);
  std::string found;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    auto data = as_bytes(std::string_view(stream).substr(at, piece));
    while (!data.empty() && reader.now() != state::refused) {
      data = data.subspan(reader.put(data));
      if (reader.now() == state::complete) {
        found += describe(reader.take()) + "|";
      }
    }
  }
  return found + std::to_string(static_cast<int>(reader.now()));
}

}  // namespace

TEST_CASE("request_reader: finds the same requests however the bytes are cut",
          "[net][request_reader]") {
  const std::string stream =
      "\r\nGET /a%20b?x=1&y=%C3%A4+b HTTP/1.1\r\nHost: h\r\nX-Two: 1\r\nx-two: 2\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=\"v\"\r\nhello\r\nb\r\n, it is me.\r\n0\r\nTrailer: no\r\n\r\n"
      "GET /last HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string expected =
      "GET /a b\n?x=1\n?y=\u00e4 b\nhost: h\nx-two: 1\nx-two: 2\n|"
      "POST /p\nhost: h\ncontent-length: 5\nhello|"
      "POST /c\nhost: h\ntransfer-encoding: chunked\nhello, it is me.|"
      "GET /last\nhost: h\n|0";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    INFO(piece);
    REQUIRE(read_in_pieces(stream, piece) == expected);
  }
}

TEST_CASE("request_reader: every method may have a body", "[net][request_reader]") {
  const auto method = GENERATE(as<std::string>{}, "PUT", "PATCH", "DELETE");
  const auto stream =
      method + " /p HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}" + method +
      " /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n" + method +
      " /none HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto expected = method + " /p\nhost: h\ncontent-length: 2\n{}|" + method +
                        " /c\nhost: h\ntransfer-encoding: chunked\n[]|" + method +
                        " /none\nhost: h\n|0";
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    INFO(piece);
    REQUIRE(read_in_pieces(stream, piece) == expected);
  }
}

TEST_CASE("request_reader: leaves what belongs to the next request", "[net][request_reader]") {
  request_reader reader(limits);
  const std::string first = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  CHECK(reader.put(as_bytes(first + "GET /next")) == first.size());
  CHECK(reader.now() == state::complete);
  CHECK(reader.keeps_alive());
  CHECK_FALSE(reader.is_upgrade());
}

TEST_CASE("request_reader: bounds what it keeps of an endless chunk header",
          "[net][request_reader]") {
  request_reader reader(limits);
  reader.put(as_bytes("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;"));
  for (int i = 0; i < 10'000 && reader.now() == state::body; ++i) {
    reader.put(as_bytes("x"));
  }
  CHECK(reader.now() == state::refused);
  CHECK(reader.refusal().status == 400);
}

TEST_CASE("request_reader: counts chunked bodies as they grow", "[net][request_reader]") {
  request_reader reader(limits);
  reader.put(as_bytes("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  for (int i = 0; i < 4; ++i) {
    reader.put(as_bytes(chunk));
    CHECK(reader.now() == state::body);
  }
  reader.put(as_bytes("1\r\n"));
  CHECK(reader.now() == state::refused);
  CHECK(reader.refusal().status == 413);
}
