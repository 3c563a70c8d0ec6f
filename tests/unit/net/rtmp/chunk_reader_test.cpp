// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/chunk_reader.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "net/rtmp/chunk_writer.hpp"
#include "tests/support/rtmp_client.hpp"

using namespace troupe;
using rtmp::chunk_reader;
using rtmp::message;
using rtmp::message_type;
using test::append_chunks;
using test::chunk_style;

namespace {

shared_bytes pattern(std::size_t size, unsigned seed = 0) {
  bytes made(size);
  for (std::size_t i = 0; i < size; ++i) {
    made[i] = static_cast<std::uint8_t>(i * 7 + seed);
  }
  return shared_bytes(std::move(made));
}

message video(std::uint32_t time, shared_bytes payload, std::uint32_t chunk_stream = 6) {
  return {.type = message_type::video,
          .chunk_stream = chunk_stream,
          .stream = 1,
          .timestamp = time,
          .payload = std::move(payload)};
}

bool same(const message& a, const message& b) {
  return a.type == b.type && a.chunk_stream == b.chunk_stream && a.stream == b.stream &&
         a.timestamp == b.timestamp && std::ranges::equal(a.payload.view(), b.payload.view());
}

struct reading {
  std::vector<message> messages;
  std::optional<error> failure;
};

reading read_all(chunk_reader& reader, byte_view input, std::size_t piece) {
  reading r;
  while (!input.empty()) {
    auto part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    while (true) {
      auto whole = reader.read(part);
      if (!whole) {
        r.failure = whole.error();
        return r;
      }
      if (!*whole) {
        break;
      }
      r.messages.push_back(std::move(**whole));
    }
    REQUIRE(part.empty());
  }
  return r;
}

void control(byte_writer& out, message_type type, std::uint32_t value) {
  byte_writer payload;
  payload.u32(value);
  append_chunks(out,
                {.type = type,
                 .chunk_stream = 2,
                 .stream = 0,
                 .timestamp = 0,
                 .payload = shared_bytes(payload.take())},
                {});
}

}  // namespace

TEST_CASE("chunk_reader: any chunk size, in pieces of any size", "[net][rtmp]") {
  const std::uint32_t chunk_size = GENERATE(1U, 2U, 127U, 128U, 129U, 4096U, 65536U, 0x7FFFFFFFU);
  const std::size_t piece = GENERATE(1U, 3U, 1000U, 1000000U);
  byte_writer out;
  control(out, message_type::set_chunk_size, chunk_size);
  std::vector<message> sent;
  for (const std::size_t size : {0U, 1U, 127U, 128U, 129U, 5000U}) {
    sent.push_back(video(static_cast<std::uint32_t>(size), pattern(size)));
    append_chunks(out, sent.back(), {.chunk_size = chunk_size});
  }
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), piece);
  REQUIRE_FALSE(r.failure);
  REQUIRE(reader.chunk_size() == chunk_size);
  REQUIRE(r.messages.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    REQUIRE(same(r.messages[i], sent[i]));
  }
}

TEST_CASE("chunk_reader: every form of chunk stream id", "[net][rtmp]") {
  const std::uint32_t id = GENERATE(2U, 3U, 63U, 64U, 255U, 319U, 320U, 65598U, 65599U);
  const std::size_t piece = GENERATE(1U, 1000U);
  byte_writer out;
  const auto sent = video(5, pattern(300), id);
  append_chunks(out, sent, {});
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), piece);
  REQUIRE(r.messages.size() == 1);
  REQUIRE(same(r.messages[0], sent));
}

TEST_CASE("chunk_reader: what the writer writes", "[net][rtmp]") {
  const std::uint32_t id = GENERATE(2U, 64U, 319U, 320U, 65599U);
  const std::uint32_t time = GENERATE(0U, 0xFFFFFEU, 0xFFFFFFU, 0x01000000U, 0xFFFFFFFFU);
  rtmp::chunk_writer writer;
  const auto sent = video(time, pattern(1000), id);
  writer.write(sent);
  writer.set_chunk_size(400);
  writer.write(sent);
  chunk_reader reader;
  const auto r = read_all(reader, writer.take(), 1);
  REQUIRE(writer.empty());
  REQUIRE(reader.chunk_size() == 400);
  REQUIRE(r.messages.size() == 2);
  REQUIRE(same(r.messages[0], sent));
  REQUIRE(same(r.messages[1], sent));
}

TEST_CASE("chunk_reader: header types 1 to 3 take over what they leave out", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, video(1000, pattern(200)), {});
  append_chunks(out, video(0, pattern(150, 1)), {.header_type = 1, .delta = 40});
  append_chunks(out, video(0, pattern(150, 2)), {.header_type = 2, .delta = 33});
  append_chunks(out, video(0, pattern(150, 3)), {.header_type = 3});
  append_chunks(out, video(0, pattern(150, 4)), {.header_type = 3});
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), GENERATE(1U, 10000U));
  REQUIRE(r.messages.size() == 5);
  REQUIRE(same(r.messages[1], video(1040, pattern(150, 1))));
  REQUIRE(same(r.messages[2], video(1073, pattern(150, 2))));
  REQUIRE(same(r.messages[3], video(1106, pattern(150, 3))));
  REQUIRE(same(r.messages[4], video(1139, pattern(150, 4))));
}

TEST_CASE("chunk_reader: a new message by type 3 after type 0", "[net][rtmp]") {
  const auto second_time = [](std::uint32_t first) {
    byte_writer out;
    append_chunks(out, video(first, pattern(10)), {});
    append_chunks(out, video(0, pattern(10)), {.header_type = 3});
    chunk_reader reader;
    const auto r = read_all(reader, out.view(), 1000);
    REQUIRE(r.messages.size() == 2);
    return r.messages[1].timestamp;
  };
  // the specification's delta, as ffmpeg sends it in a stream's first frames
  REQUIRE(second_time(40) == 80);
  REQUIRE(second_time(0) == 0);
  // hours later it can only mean the same time
  REQUIRE(second_time(3'600'000) == 3'600'000);
}

TEST_CASE("chunk_reader: messages on several chunk streams interleave", "[net][rtmp]") {
  byte_writer a;
  byte_writer b;
  const auto big = video(10, pattern(300), 6);
  const message small{.type = message_type::audio,
                      .chunk_stream = 4,
                      .stream = 1,
                      .timestamp = 11,
                      .payload = pattern(200, 9)};
  append_chunks(a, big, {});
  append_chunks(b, small, {});
  byte_writer mixed;  // a's first chunk, all of b, the rest of a
  const std::size_t first_chunk = 12 + 128;
  mixed.append(a.view().first(first_chunk));
  mixed.append(b.view());
  mixed.append(a.view().subspan(first_chunk));
  chunk_reader reader;
  const auto r = read_all(reader, mixed.view(), GENERATE(1U, 10000U));
  REQUIRE(r.messages.size() == 2);
  REQUIRE(same(r.messages[0], small));
  REQUIRE(same(r.messages[1], big));
}

TEST_CASE("chunk_reader: abort and a new header drop what was begun", "[net][rtmp]") {
  byte_writer begun;
  append_chunks(begun, video(10, pattern(300)), {});
  const auto first_chunk = begun.view().first(12 + 128);
  const auto next = video(20, pattern(50, 1));
  byte_writer out;
  out.append(first_chunk);
  SECTION("abort") {
    control(out, message_type::abort, 6);
  }
  SECTION("a header of type 0 instead of 3") {}
  append_chunks(out, next, {});
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), 1000);
  REQUIRE_FALSE(r.failure);
  REQUIRE(reader.abandoned() == 1);
  REQUIRE(r.messages.size() == 1);
  REQUIRE(same(r.messages[0], next));
}

TEST_CASE("chunk_reader: abort of an idle or unknown chunk stream does nothing", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, video(10, pattern(30)), {});
  control(out, message_type::abort, 6);
  control(out, message_type::abort, 99);
  append_chunks(out, video(20, pattern(30)), {});
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), 1000);
  REQUIRE(r.messages.size() == 2);
  REQUIRE(reader.abandoned() == 0);
}

TEST_CASE("chunk_reader: refuses what breaks the protocol", "[net][rtmp]") {
  byte_writer out;
  std::string reason = "rtmp_protocol";
  SECTION("chunk size 0") {
    control(out, message_type::set_chunk_size, 0);
  }
  SECTION("chunk size with the top bit") {
    control(out, message_type::set_chunk_size, 0x80000001);
  }
  SECTION("a control message without its value") {
    append_chunks(out, {.type = message_type::abort, .chunk_stream = 2}, {});
  }
  SECTION("a chunk stream that begins with type 2") {
    append_chunks(out, video(0, pattern(10)), {.header_type = 2});
  }
  SECTION("a chunk stream that begins with type 3") {
    append_chunks(out, video(0, pattern(10)), {.header_type = 3});
  }
  SECTION("a command of more than 64 KiB") {
    append_chunks(out, {.type = message_type::command_amf0, .payload = pattern(65537)}, {});
    reason = "rtmp_limit";
  }
  SECTION("many chunk streams") {
    for (std::uint32_t id = 2; id < 2 + 65; ++id) {
      append_chunks(out, video(0, pattern(1), id), {});
    }
    reason = "rtmp_limit";
  }
  SECTION("three frames of 16 MiB at once") {
    for (std::uint32_t id = 2; id < 5; ++id) {
      test::append_basic_header(out, 0, id);
      out.u24(0);
      out.u24(0xFFFFFF);
      out.u8(9);
      out.u32(0);
      out.append(pattern(128).view());
    }
    reason = "rtmp_limit";
  }
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), 1000);
  REQUIRE(r.failure);
  REQUIRE(r.failure->reason == reason);
}

TEST_CASE("chunk_reader: the largest command and frame pass", "[net][rtmp]") {
  byte_writer out;
  append_chunks(out, {.type = message_type::command_amf0, .payload = pattern(65536)}, {});
  append_chunks(out, video(0, pattern(0xFFFFFF)), {});
  chunk_reader reader;
  const auto r = read_all(reader, out.view(), 65536);
  REQUIRE_FALSE(r.failure);
  REQUIRE(r.messages.size() == 2);
  REQUIRE(r.messages[1].payload.size() == 0xFFFFFF);
}

TEST_CASE("chunk_reader: finished messages do not count against the limit", "[net][rtmp]") {
  rtmp::chunk_limits limits;
  limits.unfinished_total = 1000;
  chunk_reader reader(limits);
  byte_writer out;
  for (std::uint32_t i = 0; i < 10; ++i) {
    append_chunks(out, video(i, pattern(900)), {});
  }
  REQUIRE(read_all(reader, out.view(), 100).messages.size() == 10);
}

TEST_CASE("chunk_reader: a frame's bytes are copied once", "[net][rtmp]") {
  // The buffer is as large as the message from the start: it never grows by copying.
  byte_writer out;
  append_chunks(out, video(0, pattern(100'000)), {.chunk_size = 128});
  chunk_reader reader;
  byte_view input = out.view();
  auto part = input.first(50'000);
  REQUIRE_FALSE(reader.read(part).value());
  part = input.subspan(50'000);
  const auto whole = reader.read(part).value();
  REQUIRE(whole);
  const auto slice = whole->payload.slice(10, 100);
  REQUIRE(slice.data() == whole->payload.data() + 10);
}
