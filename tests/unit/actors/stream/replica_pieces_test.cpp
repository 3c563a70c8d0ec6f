// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/replica_pieces.hpp"

#include <catch2/catch.hpp>

#include "actors/stream/replica_messages.hpp"
#include "runtime/link/link.hpp"
#include "runtime/testing/round_trip.hpp"

using namespace troupe;
using namespace troupe::stream;

namespace {

media::part part_of(int index, std::size_t size) {
  media::part p;
  p.msn = 3;
  p.index = index;
  bytes data(size);
  for (std::size_t i = 0; i < size; ++i) {
    data[i] = static_cast<std::uint8_t>(i * 7 + static_cast<std::size_t>(index));
  }
  p.data = shared_bytes(std::move(data));
  return p;
}

std::vector<media::output> segment(std::vector<std::size_t> sizes) {
  std::vector<media::output> all;
  media::segment_started s;
  s.msn = 3;
  all.emplace_back(s);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    all.emplace_back(part_of(static_cast<int>(i), sizes[i]));
  }
  media::segment_finished f;
  f.msn = 3;
  all.emplace_back(f);
  return all;
}

bool is_same(const media::output& a, const media::output& b) {
  return runtime::encode(a) == runtime::encode(b);
}

}  // namespace

TEST_CASE("replica_pieces: joined they are what was cut", "[actors][stream]") {
  const auto sizes =
      GENERATE(std::vector<std::size_t>{10}, std::vector<std::size_t>{900, 900, 900, 900},
               std::vector<std::size_t>{100, 5000, 20, 2001},
               std::vector<std::size_t>{2000, 4000, 0}, std::vector<std::size_t>{});
  constexpr std::size_t limit = 2000;
  const auto whole = segment(sizes);
  piece_joiner joiner;
  std::vector<media::output> joined;
  for (auto& piece : cut_to_pieces(whole, limit)) {
    CHECK(size_of(piece) <= limit + 3 * 512);
    auto travelled = runtime::decode<replica_piece>(runtime::encode(piece));
    REQUIRE(travelled);
    auto more = joiner.add(std::move(*travelled));
    REQUIRE(more);
    if (!sizes.empty() && !more->empty()) {
      CHECK_FALSE(std::holds_alternative<media::segment_started>(more->back()));
    }
    joined.insert(joined.end(), more->begin(), more->end());
  }
  REQUIRE(joined.size() == whole.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(is_same(joined[i], whole[i]));
  }
}

TEST_CASE("replica_pieces: outputs travel whole, or not at all", "[actors][stream]") {
  media::init_section init;
  init.number = 2;
  init.data = shared_bytes(bytes{1, 2, 3});
  init.video.emplace().rfc6381 = "avc1.64001f";
  init.video->frame_rate = 29.97;
  init.video->problems.push_back({"interlaced", "Set it to progressive."});
  media::segment_finished finished;
  finished.state.video.configuration = {9, 8, 7};
  for (const media::output& o : {media::output(media::playlist_started{}), media::output(init),
                                 media::output(media::segment_started{}),
                                 media::output(part_of(1, 20)), media::output(finished)}) {
    CHECK(runtime::testing::round_trip(o));
  }
}

TEST_CASE("replica_pieces: the largest part that is made fits into messages", "[actors][stream]") {
  const auto whole = segment({std::size_t{33} << 20});
  piece_joiner joiner;
  std::size_t parts = 0;
  for (auto& piece : cut_to_pieces(whole)) {
    extend_replica m;
    m.piece = piece;
    CHECK(runtime::encode(m).size() < runtime::largest_envelope / 2);
    parts += joiner.add(std::move(piece))->size();
  }
  CHECK(parts == 3);
}

TEST_CASE("replica_pieces: what fits nothing is refused", "[actors][stream]") {
  piece_joiner joiner;
  replica_piece end;
  end.fragment = shared_bytes(bytes(10));
  end.completes = true;
  CHECK(joiner.add(end).error().code == errc::data_corrupt);
  replica_piece middle;
  middle.fragment = shared_bytes(bytes(std::size_t{1} << 20));
  for (int i = 0; i < 40; ++i) {
    REQUIRE(joiner.add(middle));
  }
  CHECK(joiner.add(middle).error().code == errc::data_corrupt);
  CHECK(joiner.add(middle));  // begins anew
}
