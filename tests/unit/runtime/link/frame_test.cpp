// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/frame.hpp"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include <catch2/catch.hpp>

#include "runtime/link/link.pb.h"

namespace troupe::runtime::detail {
namespace {

namespace proto = troupe::link::v1;

bytes joined(const std::vector<bytes>& pieces) {
  bytes all;
  for (const auto& piece : pieces) {
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

bytes of_proto(const proto::Frame& f) {
  const auto text = f.SerializeAsString();
  return {text.begin(), text.end()};
}

envelope full_envelope() {
  envelope e;
  e.kind = envelope_kind::answer;
  e.target = "room/977";
  e.type = "room.post";
  e.version = 3;
  e.session = {4, 5};
  e.number = 6;
  e.floor = 7;
  e.epoch = 8;
  e.from_incarnation = 9;
  e.to_incarnation = std::numeric_limits<std::uint64_t>::max();
  e.body = {0, 1, 2, 255};
  return e;
}

void check_same(const envelope& a, const envelope& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.target == b.target);
  CHECK(a.type == b.type);
  CHECK(a.version == b.version);
  CHECK(a.session == b.session);
  CHECK(a.number == b.number);
  CHECK(a.floor == b.floor);
  CHECK(a.epoch == b.epoch);
  CHECK(a.from_incarnation == b.from_incarnation);
  CHECK(a.to_incarnation == b.to_incarnation);
  CHECK(a.body == b.body);
}

link_frame frame_of(std::vector<envelope> envelopes) {
  link_frame f;
  f.envelopes = std::move(envelopes);
  return f;
}

}  // namespace

TEST_CASE("link frame: what is written is what link.proto's code reads", "[runtime][link]") {
  auto f = frame_of({full_envelope(), envelope{}});
  f.hello = link_hello{"node-7", 2};
  const auto written = joined(encode_frame(f));
  proto::Frame read;
  REQUIRE(read.ParseFromArray(written.data(), static_cast<int>(written.size())));
  CHECK(read.hello().node() == "node-7");
  CHECK(read.hello().stream() == 2);
  REQUIRE(read.envelopes_size() == 2);
  const auto& e = read.envelopes(0);
  CHECK(e.kind() == proto::Envelope::KIND_ANSWER);
  CHECK(e.target() == "room/977");
  CHECK(e.type() == "room.post");
  CHECK(e.version() == 3);
  CHECK(e.session_run() == 4);
  CHECK(e.session_number() == 5);
  CHECK(e.number() == 6);
  CHECK(e.floor() == 7);
  CHECK(e.epoch() == 8);
  CHECK(e.from_incarnation() == 9);
  CHECK(e.to_incarnation() == std::numeric_limits<std::uint64_t>::max());
  CHECK(e.body() == std::string("\0\1\2\377", 4));
  CHECK(read.envelopes(1).kind() == proto::Envelope::KIND_CONTROL);
  // Byte for byte: field order and defaults as the code made from link.proto has them.
  CHECK(of_proto(read) == written);
}

TEST_CASE("link frame: round trip of every field", "[runtime][link]") {
  for (const auto kind :
       {envelope_kind::command, envelope_kind::answer, envelope_kind::control, unknown_kind}) {
    auto sent = full_envelope();
    sent.kind = kind;
    const auto got = decode_frame(joined(encode_frame(frame_of({sent}))));
    REQUIRE(got);
    REQUIRE(got->envelopes.size() == 1);
    CHECK_FALSE(got->hello);
    check_same(got->envelopes.front(), sent);
  }
}

TEST_CASE("link frame: a large body is a piece of its own, moved not copied", "[runtime][link]") {
  auto sent = full_envelope();
  sent.body.assign(100'000, 7);
  const auto* where = sent.body.data();
  std::vector<envelope> two;
  two.push_back(std::move(sent));
  two.push_back(full_envelope());
  const auto pieces = encode_frame(frame_of(std::move(two)));
  REQUIRE(pieces.size() == 3);
  CHECK(pieces.at(1).data() == where);
  const auto all = joined(pieces);
  const auto got = decode_frame(all);
  REQUIRE(got);
  REQUIRE(got->envelopes.size() == 2);
  CHECK(got->envelopes.at(0).body == bytes(100'000, 7));
  check_same(got->envelopes.at(1), full_envelope());
  // The same in small pieces, as a receive buffer may come.
  google::protobuf::io::ArrayInputStream trickle(all.data(), static_cast<int>(all.size()), 7);
  const auto again = decode_frame(trickle, all.size());
  REQUIRE(again);
  CHECK(again->envelopes.at(0).body == got->envelopes.at(0).body);
}

TEST_CASE("link frame: what a later version adds is skipped or handed on", "[runtime][link]") {
  // Field 99 in the frame, the greeting and an envelope; kind 70 and one beyond a byte.
  const bytes unknown_field = {0x9A, 0x06, 0x02, 'h', 'i'};
  const auto with_unknown = [&](bytes message) {
    message.insert(message.begin(), unknown_field.begin(), unknown_field.end());
    message.insert(message.end(), {0x9D, 0x06, 1, 2, 3, 4});  // and a fixed32
    return message;
  };
  bytes all = unknown_field;
  const auto add = [&](std::uint8_t field, const bytes& message) {
    all.push_back(static_cast<std::uint8_t>(field << 3 | 2));
    all.push_back(static_cast<std::uint8_t>(message.size()));
    all.insert(all.end(), message.begin(), message.end());
  };
  add(1, with_unknown({0x0A, 1, 'b', 0x10, 1}));
  add(2, with_unknown({0x08, 70, 0x12, 1, 'x'}));
  add(2, with_unknown({0x08, 0xFF, 0xFF, 3}));
  add(2, with_unknown({}));
  const auto got = decode_frame(all);
  REQUIRE(got);
  CHECK(got->hello == link_hello{"b", 1});
  REQUIRE(got->envelopes.size() == 3);
  CHECK(got->envelopes.at(0).kind == static_cast<envelope_kind>(69));
  CHECK(got->envelopes.at(0).target == "x");
  CHECK(got->envelopes.at(1).kind == unknown_kind);
  CHECK(got->envelopes.at(2).kind == unknown_kind);
}

TEST_CASE("link frame: nothing cut short is taken for whole", "[runtime][link]") {
  auto f = frame_of({full_envelope()});
  const auto whole = joined(encode_frame(std::move(f)));
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    CHECK_FALSE(decode_frame(byte_view(whole).first(cut)));
  }
  CHECK(decode_frame(byte_view{}));  // an empty frame is one
  for (const bytes& wrong : {bytes{0}, bytes{0x0B}, bytes{0x12, 0x7F}, bytes{0xFF, 0xFF},
                             bytes{0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, bytes{0x0C}}) {
    CHECK_FALSE(decode_frame(wrong));
  }
}

TEST_CASE("link frame: bounds", "[runtime][link]") {
  proto::Frame f;
  f.add_envelopes()->set_body(std::string(largest_envelope, 'x'));
  CHECK(decode_frame(of_proto(f)));
  f.mutable_envelopes(0)->mutable_body()->push_back('x');
  const auto too_large = decode_frame(of_proto(f));
  REQUIRE_FALSE(too_large);
  CHECK(too_large.error().code == errc::too_large);
  // Two bytes each on the wire, two hundred in memory.
  bytes many;
  for (int i = 0; i < 100'000; ++i) {
    many.insert(many.end(), {0x12, 0});
  }
  CHECK_FALSE(decode_frame(many));
}

TEST_CASE("link frame: the fuzzer's seeds decode", "[runtime][link]") {
  const std::filesystem::path folder =
      std::string(TROUPE_SOURCE_DIR) + "/tests/fuzz/corpus/link_frame";
  int seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const bytes seed{std::istreambuf_iterator<char>(in), {}};
    INFO(entry.path());
    CHECK(decode_frame(seed).has_value() == !entry.path().filename().string().starts_with("bad"));
    ++seeds;
  }
  CHECK(seeds >= 5);
}

}  // namespace troupe::runtime::detail
