// SPDX-License-Identifier: GPL-3.0-or-later
// Enhanced RTMP 2: ExVideoTagHeader and ExAudioTagHeader.
#include <algorithm>

#include <catch2/catch.hpp>

#include "net/rtmp/flv_demuxer.hpp"
#include "tests/support/rtmp_client.hpp"
#include "tests/support/rtmp_samples.hpp"

using namespace troupe;
using rtmp::demuxed;
using rtmp::flv_demuxer;
using test::flv::enhanced_audio;
using test::flv::enhanced_video;
using test::flv::kind;

namespace {

struct fixture {
  flv_demuxer demuxer;

  demuxed video(std::uint32_t time, bytes body) {
    return demuxer.video(time, shared_bytes(std::move(body)));
  }

  demuxed audio(std::uint32_t time, bytes body) {
    return demuxer.audio(time, shared_bytes(std::move(body)));
  }

  void configure(std::string_view four_cc, const bytes& record) {
    const auto d = video(0, enhanced_video(four_cc, kind::sequence_start, true, 0, record));
    REQUIRE_FALSE(d.problem);
  }

  const rtmp::demuxer_statistics& counts() const { return demuxer.statistics(); }
};

bool equal(const shared_bytes& a, const bytes& b) {
  return std::ranges::equal(a.view(), b);
}

/// A composition time in front, as CodedFrames of avc1 and hvc1 have it.
bytes with_time(std::uint32_t composition, const bytes& data) {
  byte_writer out;
  out.u24(composition);
  out.append(data);
  return out.take();
}

struct track_part {
  std::uint8_t id;
  std::string four_cc;
  bytes payload;
};

/// layout: 0 one track, 1 many tracks, 2 many tracks with a codec each.
bytes multitrack(std::uint8_t first, std::uint8_t layout, kind k,
                 const std::vector<track_part>& parts) {
  byte_writer out;
  out.u8(first);
  out.u8(static_cast<unsigned>(layout << 4) | static_cast<unsigned>(k));
  if (layout != 2) {
    out.append(parts.front().four_cc);
  }
  for (const auto& part : parts) {
    if (layout == 2) {
      out.append(part.four_cc);
    }
    out.u8(part.id);
    if (layout != 0) {
      out.u24(part.payload.size());
    }
    out.append(part.payload);
  }
  return out.take();
}

constexpr std::uint8_t multitrack_key_video = 0x96;
constexpr std::uint8_t multitrack_audio = 0x95;

}  // namespace

TEST_CASE_METHOD(fixture, "enhanced flv: HEVC and AVC with and without composition time",
                 "[net][rtmp]") {
  const bool is_hevc = GENERATE(true, false);
  const std::string four_cc = is_hevc ? "hvc1" : "avc1";
  const auto record = is_hevc ? test::hvcc() : test::avcc();
  const auto data = is_hevc ? test::hevc_frame(19) : test::h264_frame(5);
  configure(four_cc, record);
  const auto a = video(100, enhanced_video(four_cc, kind::coded_frames, true, -20, data));
  REQUIRE(a.frame);
  CHECK(a.frame->format->codec == (is_hevc ? media::codec::hevc : media::codec::h264));
  CHECK(equal(a.frame->format->configuration, record));
  CHECK(a.frame->pts_ms == 80);
  CHECK(a.frame->container_key);
  CHECK(equal(a.frame->data, data));
  const auto b = video(133, enhanced_video(four_cc, kind::coded_frames_x, false, 0, data));
  REQUIRE(b.frame);
  CHECK(b.frame->pts_ms == 133);
  CHECK_FALSE(b.frame->container_key);
  CHECK(equal(b.frame->data, data));
  CHECK(b.frame->format == a.frame->format);
  CHECK_FALSE(video(166, enhanced_video(four_cc, kind::sequence_end, true, 0, {})).frame);
}

TEST_CASE_METHOD(fixture, "enhanced flv: AV1 without its temporal delimiters", "[net][rtmp]") {
  configure("av01", test::av1c());
  auto unit = test::av1_frame();
  const auto plain = video(0, enhanced_video("av01", kind::coded_frames, true, 0, unit));
  REQUIRE(plain.frame);
  CHECK(plain.frame->format->codec == media::codec::av1);
  CHECK(equal(plain.frame->data, unit));
  unit.insert(unit.begin(), {0x12, 0x00});
  const auto delimited = video(33, enhanced_video("av01", kind::coded_frames, false, 0, unit));
  REQUIRE(delimited.frame);
  CHECK(equal(delimited.frame->data, test::av1_frame()));
  unit.pop_back();
  CHECK_FALSE(video(66, enhanced_video("av01", kind::coded_frames, false, 0, unit)).frame);
  CHECK_FALSE(video(66, enhanced_video("av01", kind::coded_frames, true, 0, bytes{0x12, 0})).frame);
  CHECK(counts().broken_bodies == 2);
}

TEST_CASE_METHOD(fixture, "enhanced flv: AV1 in MPEG-2 TS and unknown codecs are refused",
                 "[net][rtmp]") {
  const auto ts = video(0, bytes{0x95, 'a', 'v', '0', '1', 1});
  REQUIRE(ts.problem);
  CHECK(ts.problem->message.find("AV1 in MPEG-2 TS") != std::string::npos);
  flv_demuxer other;
  const auto unknown = other.video(0, shared_bytes(bytes{0x90, 'x', 'x', 'x', 'x', 1}));
  REQUIRE(unknown.problem);
  CHECK(unknown.problem->code == "codec_unsupported");
}

TEST_CASE_METHOD(fixture, "enhanced flv: metadata is not a frame", "[net][rtmp]") {
  configure("hvc1", test::hvcc());
  // PacketTypeMetadata, also when the frame type says command
  CHECK_FALSE(video(0, bytes{0x94, 'h', 'v', 'c', '1', 2, 0, 1, 'x', 5}).frame);
  CHECK_FALSE(video(0, bytes{0xD4, 'h', 'v', 'c', '1', 2, 0, 1, 'x', 5}).frame);
  CHECK(counts().broken_bodies == 0);
  CHECK(counts().unsupported == 0);
}

TEST_CASE_METHOD(fixture, "enhanced flv: modifiers are skipped", "[net][rtmp]") {
  configure("hvc1", test::hvcc());
  byte_writer out;
  out.u8(0x97);  // key frame, ModEx
  SECTION("one: a nanosecond offset") {
    out.u8(2);  // three bytes
    out.u24(999'999);
    out.u8(0x01);  // TimestampOffsetNano, then CodedFrames
  }
  SECTION("two, one of them long") {
    out.u8(2);
    out.u24(5);
    out.u8(0x07);  // another ModEx
    out.u8(255);   // longer than eight bits say
    out.u16(299);
    out.append(bytes(300, 0xAA));
    out.u8(0xF1);  // of an unknown kind, then CodedFrames
  }
  out.append("hvc1");
  out.append(with_time(10, test::hevc_frame(19)));
  const auto d = video(50, out.take());
  REQUIRE(d.frame);
  CHECK(d.frame->pts_ms == 60);
  CHECK(equal(d.frame->data, test::hevc_frame(19)));
}

TEST_CASE_METHOD(fixture, "enhanced flv: a header cut short at any byte is broken", "[net][rtmp]") {
  const bytes whole{0x97, 2, 0, 0, 0, 0x01, 'h', 'v', 'c', '1', 0, 0, 0};
  for (std::size_t size = 1; size < whole.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(rtmp::read_video_tag(byte_view(whole).first(size)));
  }
  REQUIRE(rtmp::read_video_tag(whole));
  const auto tracks = multitrack(multitrack_key_video, 1, kind::coded_frames,
                                 {{0, "avc1", bytes(5)}, {1, "avc1", bytes(5)}});
  for (std::size_t size = 1; size < tracks.size(); ++size) {
    CAPTURE(size);
    // the one cut that leaves whole tracks: between them
    const bool between = size == tracks.size() - 9;
    REQUIRE(rtmp::read_video_tag(byte_view(tracks).first(size)).has_value() == between);
  }
}

TEST_CASE_METHOD(fixture, "enhanced flv: multitrack video gives track 0", "[net][rtmp]") {
  const std::uint8_t layout = GENERATE(std::uint8_t{1}, std::uint8_t{2});
  video(0, multitrack(multitrack_key_video, layout, kind::sequence_start,
                      {{1, "avc1", test::avcc()}, {0, "avc1", test::avcc()}}));
  const auto d = video(40, multitrack(multitrack_key_video, layout, kind::coded_frames,
                                      {{1, "avc1", with_time(0, test::h264_frame(5, 60))},
                                       {0, "avc1", with_time(7, test::h264_frame(5, 30))},
                                       {2, "avc1", with_time(0, test::h264_frame(5, 40))}}));
  REQUIRE(d.frame);
  CHECK(d.frame->pts_ms == 47);
  CHECK(equal(d.frame->data, test::h264_frame(5, 30)));
  CHECK(counts().other_tracks == 3);
  CHECK(counts().video_frames == 1);
}

TEST_CASE_METHOD(fixture, "enhanced flv: a single track in multitrack form", "[net][rtmp]") {
  video(0, multitrack(multitrack_key_video, 0, kind::sequence_start, {{0, "avc1", test::avcc()}}));
  CHECK(video(0, multitrack(multitrack_key_video, 0, kind::coded_frames_x,
                            {{0, "avc1", test::h264_frame(5)}}))
            .frame);
  CHECK_FALSE(video(0, multitrack(multitrack_key_video, 0, kind::coded_frames_x,
                                  {{1, "avc1", test::h264_frame(5)}}))
                  .frame);
  CHECK(counts().other_tracks == 1);
  // multitrack inside multitrack, and an unknown layout
  CHECK_FALSE(rtmp::read_video_tag(bytes{0x96, 0x06, 'a', 'v', 'c', '1', 0}));
  CHECK_FALSE(rtmp::read_video_tag(bytes{0x96, 0x31, 'a', 'v', 'c', '1', 0}));
}

TEST_CASE_METHOD(fixture, "enhanced flv: AAC, Opus and MP3", "[net][rtmp]") {
  audio(0, enhanced_audio("mp4a", kind::sequence_start, test::asc()));
  const auto aac = audio(10, enhanced_audio("mp4a", kind::coded_frames, test::aac_frame()));
  REQUIRE(aac.frame);
  CHECK(aac.frame->format->codec == media::codec::aac);
  CHECK(equal(aac.frame->data, test::aac_frame()));

  audio(20, enhanced_audio("Opus", kind::sequence_start, test::opus_head()));
  const auto opus = audio(20, enhanced_audio("Opus", kind::coded_frames, bytes{0xFC, 1, 2}));
  REQUIRE(opus.frame);
  CHECK(opus.frame->format->codec == media::codec::opus);
  CHECK(equal(opus.frame->format->configuration, test::opus_head()));

  audio(30, enhanced_audio(".mp3", kind::sequence_start, {}));
  const auto mp3 = audio(30, enhanced_audio(".mp3", kind::coded_frames, bytes{0xFF, 0xFB, 1}));
  REQUIRE(mp3.frame);
  CHECK(mp3.frame->format->codec == media::codec::mp3);

  CHECK_FALSE(audio(40, bytes{0x94, 'm', 'p', '4', 'a', 1, 2, 0, 0, 0, 3}).frame);  // channel map
  CHECK(counts().broken_bodies == 0);
  CHECK(counts().configurations == 3);
}

TEST_CASE_METHOD(fixture, "enhanced flv: multitrack audio gives track 0", "[net][rtmp]") {
  audio(0, multitrack(multitrack_audio, 2, kind::sequence_start,
                      {{1, "Opus", test::opus_head()}, {0, "mp4a", test::asc()}}));
  const auto d = audio(5, multitrack(multitrack_audio, 2, kind::coded_frames,
                                     {{0, "mp4a", test::aac_frame()}, {1, "Opus", bytes{1, 2}}}));
  REQUIRE(d.frame);
  CHECK(d.frame->format->codec == media::codec::aac);
  CHECK(equal(d.frame->data, test::aac_frame()));
  CHECK(counts().other_tracks == 2);
}
