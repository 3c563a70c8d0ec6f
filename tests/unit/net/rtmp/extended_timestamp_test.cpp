// SPDX-License-Identifier: GPL-3.0-or-later
// RTMP 1.0, 5.3.1.3: times of 0xFFFFFF and more. The specification repeats the extended field in
// type 3 chunks; not all peers do.
#include <algorithm>

#include <catch2/catch.hpp>

#include "net/rtmp/chunk_reader.hpp"
#include "tests/support/rtmp_client.hpp"

using namespace troupe;
using rtmp::chunk_reader;
using rtmp::message;
using test::append_chunks;

namespace {

message video(std::uint32_t time, std::size_t size, std::uint8_t fill) {
  return {.type = rtmp::message_type::video,
          .chunk_stream = 6,
          .stream = 1,
          .timestamp = time,
          .payload = shared_bytes(bytes(size, fill))};
}

std::vector<message> read_all(byte_view input, std::size_t piece) {
  chunk_reader reader;
  std::vector<message> all;
  while (!input.empty()) {
    auto part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    while (true) {
      auto whole = reader.read(part);
      REQUIRE(whole);
      if (!*whole) {
        break;
      }
      all.push_back(std::move(**whole));
    }
  }
  return all;
}

bool holds(const message& m, std::uint32_t time, std::size_t size, std::uint8_t fill) {
  return m.timestamp == time && m.payload.size() == size &&
         std::ranges::all_of(m.payload.view(), [&](auto b) { return b == fill; });
}

}  // namespace

TEST_CASE("extended timestamp: with and without its repetition", "[net][rtmp]") {
  const std::uint32_t time = GENERATE(0xFFFFFFU, 0x01000000U, 0x7FFFFFFFU, 0xFFFFFFFFU);
  const bool repeats = GENERATE(true, false);
  // sizes that end one to five bytes after a chunk boundary: less than the field has
  const std::size_t size = GENERATE(1U, 127U, 128U, 129U, 130U, 131U, 132U, 133U, 600U);
  const std::size_t piece = GENERATE(1U, 2U, 5U, 100000U);
  byte_writer out;
  append_chunks(out, video(time, size, 0x77), {.repeats_extended = repeats});
  append_chunks(out, video(time + 5, size, 0x78), {.repeats_extended = repeats});
  const auto all = read_all(out.view(), piece);
  REQUIRE(all.size() == 2);
  REQUIRE(holds(all[0], time, size, 0x77));
  REQUIRE(holds(all[1], time + 5, size, 0x78));
}

TEST_CASE("extended timestamp: payload that begins like the field", "[net][rtmp]") {
  // After the boundary the payload goes on with the field's first one to three bytes: they are
  // looked at, found to be payload, and read again.
  const std::uint32_t time = 0x01020304;
  const std::size_t like = GENERATE(1U, 2U, 3U);
  const std::size_t behind = GENERATE(0U, 1U, 2U, 200U);
  bytes payload(128, 0x55);
  for (std::size_t i = 0; i < like; ++i) {
    payload.push_back(static_cast<std::uint8_t>(i + 1));
  }
  payload.insert(payload.end(), behind, 0x66);
  byte_writer out;
  const message sent{.type = rtmp::message_type::video,
                     .chunk_stream = 6,
                     .stream = 1,
                     .timestamp = time,
                     .payload = shared_bytes(payload)};
  append_chunks(out, sent, {.repeats_extended = false});
  append_chunks(out, sent, {.repeats_extended = false});
  append_chunks(out, video(7, 3, 0x11), {});
  const auto all = read_all(out.view(), GENERATE(1U, 3U, 100000U));
  REQUIRE(all.size() == 3);
  REQUIRE(std::ranges::equal(all[0].payload.view(), payload));
  REQUIRE(std::ranges::equal(all[1].payload.view(), payload));
  REQUIRE(all[1].timestamp == time);
  REQUIRE(holds(all[2], 7, 3, 0x11));
}

TEST_CASE("extended timestamp: one-byte chunks without repetition", "[net][rtmp]") {
  // Every chunk boundary is closer than the field is long.
  byte_writer out;
  byte_writer size;
  size.u32(1);
  append_chunks(out,
                {.type = rtmp::message_type::set_chunk_size,
                 .chunk_stream = 2,
                 .payload = shared_bytes(size.take())},
                {});
  const bytes payload{1, 1, 1, 1, 2, 1, 1, 2, 3, 1, 2, 3, 4, 5, 1};
  const message sent{.type = rtmp::message_type::video,
                     .chunk_stream = 6,
                     .stream = 1,
                     .timestamp = 0x01C60203,  // its second byte is a type 3 header of stream 6
                     .payload = shared_bytes(payload)};
  append_chunks(out, sent, {.chunk_size = 1, .repeats_extended = false});
  // Its last byte might still be the field's first: only what follows tells.
  append_chunks(out, video(7, 3, 0x11), {.chunk_size = 1});
  const auto all = read_all(out.view(), GENERATE(1U, 1000U));
  REQUIRE(all.size() == 2);
  REQUIRE(std::ranges::equal(all[0].payload.view(), payload));
  REQUIRE(holds(all[1], 7, 3, 0x11));
}

TEST_CASE("extended timestamp: as a delta", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, video(5, 300, 1), {});
  append_chunks(out, video(0, 300, 2), {.header_type = 1, .delta = 0x01000000});
  append_chunks(out, video(0, 300, 3), {.header_type = 3, .delta = 0x01000000});
  const auto all = read_all(out.view(), GENERATE(1U, 100000U));
  REQUIRE(all.size() == 3);
  REQUIRE(holds(all[1], 0x01000005, 300, 2));
  REQUIRE(holds(all[2], 0x02000005, 300, 3));
}

TEST_CASE("extended timestamp: absolute in type 3 chunks of a delta message", "[net][rtmp]") {
  // Another habit: the continuation says the message's time where the header said a delta.
  byte_writer out;
  append_chunks(out, video(5, 10, 1), {});
  test::append_basic_header(out, 1, 6);
  out.u24(0xFFFFFF);
  out.u24(129);
  out.u8(9);
  out.u32(0x01000000);
  out.append(bytes(128, 2));
  test::append_basic_header(out, 3, 6);
  out.u32(0x01000005);
  out.append(bytes(1, 2));
  const auto all = read_all(out.view(), 100000);
  REQUIRE(all.size() == 2);
  REQUIRE(holds(all[1], 0x01000005, 129, 2));
}

TEST_CASE("extended timestamp: ends with the next short one", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, video(0x01000000, 300, 1), {});
  append_chunks(out, video(0, 300, 2), {.header_type = 1, .delta = 10});
  append_chunks(out, video(0, 300, 3), {.header_type = 3});
  const auto all = read_all(out.view(), 1);
  REQUIRE(all.size() == 3);
  REQUIRE(holds(all[1], 0x0100000A, 300, 2));
  REQUIRE(holds(all[2], 0x01000014, 300, 3));
}

TEST_CASE("extended timestamp: deltas wrap at 2^32", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, video(0xFFFFFFF0, 10, 1), {});
  append_chunks(out, video(0, 10, 2), {.header_type = 1, .delta = 0x20});
  const auto all = read_all(out.view(), 1000);
  REQUIRE(all.size() == 2);
  REQUIRE(all[1].timestamp == 0x10);
}
