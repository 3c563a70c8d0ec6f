// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/handshake.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/rtmp_client.hpp"

using troupe::byte_view;
using troupe::bytes;
using troupe::rtmp::handshake;
using troupe::test::rtmp_client;

namespace {

constexpr std::size_t answer_size = 1 + 2 * troupe::rtmp::handshake_block_size;

handshake::kind expected_kind(rtmp_client::handshake kind) {
  return kind == rtmp_client::handshake::plain ? handshake::kind::plain : handshake::kind::digest;
}

}  // namespace

TEST_CASE("handshake: answers every kind of client, however its bytes arrive", "[net][rtmp]") {
  const auto kind =
      GENERATE(rtmp_client::handshake::plain, rtmp_client::handshake::digest_first_half,
               rtmp_client::handshake::digest_second_half);
  const std::size_t piece = GENERATE(1U, 7U, 1536U, 1537U, 10000U);
  rtmp_client client(kind);
  handshake server;
  bytes output;
  auto from_client = client.take_output();  // C0 and C1
  REQUIRE(from_client.size() == 1 + troupe::rtmp::handshake_block_size);
  const auto feed = [&](byte_view data) {
    while (!data.empty()) {
      auto part = data.first(std::min(piece, data.size()));
      data = data.subspan(part.size());
      REQUIRE(server.read(part, output));
      REQUIRE(part.empty());
    }
  };
  feed(from_client);
  REQUIRE(output.size() == answer_size);
  REQUIRE_FALSE(server.done());
  REQUIRE(server.client_kind() == expected_kind(kind));

  REQUIRE(client.feed(output));
  REQUIRE(client.handshake_done());
  REQUIRE(client.handshake_verified());

  feed(client.take_output());  // C2
  REQUIRE(server.done());
  REQUIRE(output.size() == answer_size);
}

TEST_CASE("handshake: leaves what follows C2 to the chunks", "[net][rtmp]") {
  rtmp_client client;
  handshake server;
  bytes output;
  auto all = client.take_output();
  all.resize(answer_size + 5, 0xAB);  // a peer that does not wait for S0
  byte_view input(all);
  REQUIRE(server.read(input, output));
  REQUIRE(server.done());
  REQUIRE(input.size() == 5);
  REQUIRE(server.read(input, output));
  REQUIRE(input.size() == 5);
}

TEST_CASE("handshake: answers before C2, and only once", "[net][rtmp]") {
  rtmp_client client;
  handshake server;
  bytes output;
  auto first = client.take_output();
  byte_view input(first);
  REQUIRE(server.read(input, output));
  byte_view nothing;
  REQUIRE(server.read(nothing, output));
  REQUIRE(output.size() == answer_size);
}

TEST_CASE("handshake: a digest that is wrong by one bit is a plain client", "[net][rtmp]") {
  rtmp_client client(rtmp_client::handshake::digest_first_half);
  auto c = client.take_output();
  c[500] ^= 1U;
  handshake server;
  bytes output;
  byte_view input(c);
  REQUIRE(server.read(input, output));
  REQUIRE(server.client_kind() == handshake::kind::plain);
  // S2 repeats C1, and S1 makes no claim to have digests
  REQUIRE(std::equal(c.begin() + 1, c.end(), output.begin() + 1537));
  REQUIRE(std::all_of(output.begin() + 5, output.begin() + 9, [](auto b) { return b == 0; }));
}

TEST_CASE("handshake: refuses other versions and other protocols", "[net][rtmp]") {
  const std::uint8_t first = GENERATE(std::uint8_t{0}, std::uint8_t{6}, std::uint8_t{'G'},
                                      std::uint8_t{0x16});  // old, RTMPE, HTTP, TLS
  handshake server;
  bytes output;
  const bytes data{first, 0, 0};
  byte_view input(data);
  const auto read = server.read(input, output);
  REQUIRE_FALSE(read);
  REQUIRE(read.error().reason == "rtmp_protocol");
  REQUIRE(output.empty());
}
