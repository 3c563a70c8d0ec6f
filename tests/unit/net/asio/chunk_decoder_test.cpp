// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/chunk_decoder.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using net::chunk_decoder;
using state = net::chunk_decoder::state;

namespace {

constexpr std::size_t limit = 20;

state decode(std::string_view text, std::string* body = nullptr) {
  chunk_decoder d;
  std::string found;
  d.put(text, found, limit);
  if (body != nullptr) {
    *body = found;
  }
  return d.now();
}

}  // namespace

TEST_CASE("chunk_decoder: joins chunks and skips extensions and trailers", "[net][chunk_decoder]") {
  std::string body;
  CHECK(decode("3\r\nabc\r\n00A ;x=\"y\";z\r\n0123456789\r\n0\r\nT: v\r\n\r\n", &body) ==
        state::complete);
  CHECK(body == "abc0123456789");
  CHECK(decode("0\r\n\r\n", &body) == state::complete);
  CHECK(body.empty());
}

TEST_CASE("chunk_decoder: leaves what follows", "[net][chunk_decoder]") {
  chunk_decoder d;
  std::string body;
  CHECK(d.put("1\r\na\r\n0\r\n\r\nGET", body, limit) == 11);
}

TEST_CASE("chunk_decoder: refuses what is not well-formed", "[net][chunk_decoder]") {
  using namespace std::string_view_literals;
  for (const auto bad : {"\r\n"sv, "x\r\n"sv, "-1\r\n"sv, "+1\r\n"sv, "0x1\r\n"sv, " 1\r\n"sv,
                         "1 2\r\n"sv, "1\n"sv, "1\r\nab\r\n"sv, "1\r\na\n"sv, "1;\x01\r\n"sv,
                         "1;\rx\r\n"sv, "1;a=\"\0\"\r\n"sv, "0\r\nT: \x7f\r\n"sv, "\n"sv}) {
    INFO(bad);
    CHECK(decode(bad) == state::malformed);
  }
  CHECK(decode("1;" + std::string(2000, 'x')) == state::malformed);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) {
    trailers += "T: " + std::string(100, 'x') + "\r\n";
  }
  CHECK(decode(trailers) == state::malformed);
}

TEST_CASE("chunk_decoder: bounds the body before it is read", "[net][chunk_decoder]") {
  CHECK(decode("14\r\n") == state::more);
  CHECK(decode("15\r\n") == state::too_large);
  CHECK(decode("1\r\na\r\n14\r\n") == state::too_large);
  CHECK(decode("ffffffffffffffffffffffff\r\n") == state::too_large);
}
