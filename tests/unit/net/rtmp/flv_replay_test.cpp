// SPDX-License-Identifier: GPL-3.0-or-later
// A piece of a real encode through client, session and demuxer: its timestamps cross 2^24 ms, where
// the chunks' extended field begins.
#include <fstream>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>

#include "tests/support/rtmp_session_fixture.hpp"

using namespace troupe;
using test::rtmp_pair;

namespace {

struct tag {
  std::uint8_t type = 0;
  std::uint32_t time = 0;
  bytes body;
};

std::vector<tag> read_tags() {
  std::ifstream in(TROUPE_SOURCE_DIR "/tests/data/movie-ts-cross-2p24.flv", std::ios::binary);
  const bytes file{std::istreambuf_iterator<char>(in), {}};
  byte_reader reader(file);
  reader.take(13);
  std::vector<tag> tags;
  while (reader.left() > 0) {
    tag t;
    t.type = reader.u8();
    const auto size = reader.u24();
    t.time = reader.u24();
    t.time |= std::uint32_t{reader.u8()} << 24;
    reader.u24();
    const auto body = reader.take(size);
    t.body.assign(body.begin(), body.end());
    reader.u32();
    REQUIRE(reader.ok());
    tags.push_back(std::move(t));
  }
  return tags;
}

}  // namespace

TEST_CASE("session: a real recording arrives as it was", "[net][rtmp]") {
  const bool repeats_extended = GENERATE(true, false);
  const std::uint32_t chunk_size = GENERATE(128U, 4096U);
  rtmp_pair p;
  p.piece = GENERATE(1U, 1460U);
  p.begin();
  p.client.set_chunk_size(chunk_size);
  const auto tags = read_tags();
  REQUIRE(tags.size() == 84);
  std::vector<const tag*> media;
  for (const auto& t : tags) {
    if (t.type == 18) {
      continue;
    }
    p.client.send({.type = static_cast<rtmp::message_type>(t.type),
                   .chunk_stream = t.type == 9 ? 6U : 4U,
                   .stream = 1,
                   .timestamp = t.time,
                   .payload = shared_bytes(t.body)},
                  {.chunk_size = chunk_size, .repeats_extended = repeats_extended});
    if (t.body[1] == 1) {
      media.push_back(&t);
    }
  }
  p.exchange();
  REQUIRE_FALSE(p.failure);
  REQUIRE(p.count<media::frame>() == media.size());
  for (std::size_t i = 0; i < media.size(); ++i) {
    const auto& frame = std::get<media::frame>(p.events[i]);
    const auto& t = *media[i];
    const std::size_t header = t.type == 9 ? 5 : 2;
    CAPTURE(i, t.time);
    REQUIRE(frame.track == (t.type == 9 ? media::track::video : media::track::audio));
    REQUIRE(frame.dts_ms == t.time);
    REQUIRE(std::ranges::equal(frame.data.view(), byte_view(t.body).subspan(header)));
    if (t.type == 9) {
      byte_reader composition(byte_view(t.body).subspan(2));
      REQUIRE(frame.pts_ms == frame.dts_ms + composition.u24());
    }
  }
  CHECK(p.server.statistics().media.timestamps_clamped == 0);
  CHECK(p.server.statistics().media.broken_bodies == 0);
}
