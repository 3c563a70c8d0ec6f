// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/flv_demuxer.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/support/rtmp_client.hpp"
#include "tests/support/rtmp_samples.hpp"

using namespace troupe;
using rtmp::demuxed;
using rtmp::flv_demuxer;
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

  void configure_avc() {
    const auto d =
        video(0, test::flv::video(test::flv::avc, kind::sequence_start, true, 0, test::avcc()));
    REQUIRE_FALSE(d.frame);
    REQUIRE_FALSE(d.problem);
  }

  demuxed avc(std::uint32_t time, bool key, std::int32_t composition, const bytes& data) {
    return video(time,
                 test::flv::video(test::flv::avc, kind::coded_frames, key, composition, data));
  }

  const rtmp::demuxer_statistics& counts() const { return demuxer.statistics(); }
};

bool equal(const shared_bytes& a, const bytes& b) {
  return std::ranges::equal(a.view(), b);
}

}  // namespace

TEST_CASE_METHOD(fixture, "flv: H.264 frames with their times", "[net][rtmp]") {
  configure_avc();
  const auto key = avc(1000, true, 66, test::h264_frame(5));
  REQUIRE(key.frame);
  CHECK(key.frame->number == 0);
  CHECK(key.frame->track == media::track::video);
  CHECK(key.frame->dts_ms == 1000);
  CHECK(key.frame->pts_ms == 1066);
  CHECK(key.frame->container_key);
  CHECK(key.frame->format->codec == media::codec::h264);
  CHECK(equal(key.frame->format->configuration, test::avcc()));
  CHECK(equal(key.frame->data, test::h264_frame(5)));

  const auto early = avc(1033, false, -33, test::h264_frame(1));
  REQUIRE(early.frame);
  CHECK(early.frame->pts_ms == 1000);
  CHECK_FALSE(early.frame->container_key);
  CHECK(early.frame->format == key.frame->format);

  CHECK_FALSE(video(1066, test::flv::video(test::flv::avc, kind::sequence_end, true, 0, {})).frame);
  CHECK(counts().video_frames == 2);
}

TEST_CASE_METHOD(fixture, "flv: composition times have 24 bits and a sign", "[net][rtmp]") {
  configure_avc();
  CHECK(avc(100'000, true, -60'000, test::h264_frame(5)).frame->pts_ms == 40'000);
  CHECK(avc(100'000, true, 60'000, test::h264_frame(5)).frame->pts_ms == 160'000);
  CHECK(counts().composition_repaired == 0);
  CHECK(avc(100'000, true, 0x7FFFFF, test::h264_frame(5)).frame->pts_ms == 100'000);
  CHECK(avc(100'000, true, -0x800000, test::h264_frame(5)).frame->pts_ms == 100'000);
  CHECK(counts().composition_repaired == 2);
}

TEST_CASE_METHOD(fixture, "flv: a frame is a slice of the message", "[net][rtmp]") {
  configure_avc();
  const shared_bytes body(
      test::flv::video(test::flv::avc, kind::coded_frames, true, 0, test::h264_frame(5, 5000)));
  const auto d = demuxer.video(0, body);
  REQUIRE(d.frame);
  CHECK(d.frame->data.data() == body.data() + 5);
  CHECK(d.frame->data.size() == body.size() - 5);
}

TEST_CASE_METHOD(fixture, "flv: only a different configuration is a new format", "[net][rtmp]") {
  configure_avc();
  const auto first = avc(0, true, 0, test::h264_frame(5)).frame->format;
  configure_avc();
  CHECK(avc(33, false, 0, test::h264_frame(1)).frame->format == first);
  CHECK(counts().configurations == 1);

  auto other = test::avcc();
  other[3] = 0x1F;  // level 3.1
  video(66, test::flv::video(test::flv::avc, kind::sequence_start, true, 0, other));
  const auto second = avc(66, true, 0, test::h264_frame(5)).frame->format;
  CHECK(second != first);
  CHECK(equal(second->configuration, other));
  CHECK(counts().configurations == 2);
}

TEST_CASE_METHOD(fixture, "flv: nothing before the configuration", "[net][rtmp]") {
  CHECK_FALSE(avc(0, true, 0, test::h264_frame(5)).frame);
  CHECK_FALSE(audio(0, test::flv::aac(kind::coded_frames, test::aac_frame())).frame);
  CHECK(counts().without_configuration == 2);
  configure_avc();
  // of another codec than was configured
  const auto hevc = video(
      0, test::flv::enhanced_video("hvc1", kind::coded_frames_x, true, 0, test::hevc_frame(19)));
  CHECK_FALSE(hevc.frame);
  CHECK(counts().without_configuration == 3);
}

TEST_CASE_METHOD(fixture, "flv: broken frames are dropped and counted", "[net][rtmp]") {
  configure_avc();
  auto cut = test::h264_frame(5);
  cut.pop_back();
  CHECK_FALSE(avc(0, true, 0, cut).frame);
  CHECK_FALSE(avc(0, true, 0, {}).frame);
  CHECK_FALSE(avc(0, true, 0, bytes{0, 0, 0, 1, 0x65, 1, 2, 3}).frame);  // start codes
  CHECK_FALSE(video(0, bytes{0x17, 1, 0}).frame);
  CHECK(counts().broken_bodies == 4);
  CHECK(counts().video_frames == 0);
  CHECK(avc(0, true, 0, test::h264_frame(5)).frame);  // and the next one is good again
}

TEST_CASE_METHOD(fixture, "flv: padding behind the NAL units is left out", "[net][rtmp]") {
  configure_avc();
  auto padded = test::h264_frame(5);
  padded.insert(padded.end(), 4, 0);
  const auto d = avc(0, true, 0, padded);
  REQUIRE(d.frame);
  CHECK(equal(d.frame->data, test::h264_frame(5)));
  CHECK(counts().payload_repaired == 1);
}

TEST_CASE_METHOD(fixture, "flv: a bad configuration is told once and keeps the old one",
                 "[net][rtmp]") {
  configure_avc();
  const auto bad = [&] {
    return video(0, test::flv::video(test::flv::avc, kind::sequence_start, true, 0, bytes{1, 2}));
  };
  const auto told = bad().problem;
  REQUIRE(told);
  CHECK(told->track == media::track::video);
  CHECK(told->code == "bad_configuration");
  CHECK_FALSE(bad().problem);
  CHECK(avc(0, true, 0, test::h264_frame(5)).frame);
}

TEST_CASE_METHOD(fixture, "flv: an empty configuration says nothing", "[net][rtmp]") {
  CHECK_FALSE(audio(0, test::flv::aac(kind::sequence_start, {})).problem);
  CHECK(counts().broken_bodies == 0);
  CHECK_FALSE(audio(0, test::flv::aac(kind::sequence_start, test::asc())).problem);
  CHECK(audio(0, test::flv::aac(kind::coded_frames, test::aac_frame())).frame);
  audio(23, test::flv::aac(kind::sequence_start, {}));  // and takes nothing back
  CHECK(audio(23, test::flv::aac(kind::coded_frames, test::aac_frame())).frame);
}

TEST_CASE_METHOD(fixture, "flv: HEVC under the old codec id 12", "[net][rtmp]") {
  video(0, test::flv::video(test::flv::hevc_12, kind::sequence_start, true, 0, test::hvcc()));
  const auto d = video(
      40, test::flv::video(test::flv::hevc_12, kind::coded_frames, true, 40, test::hevc_frame(19)));
  REQUIRE(d.frame);
  CHECK(d.frame->format->codec == media::codec::hevc);
  CHECK(equal(d.frame->format->configuration, test::hvcc()));
  CHECK(d.frame->pts_ms == 80);
  CHECK(equal(d.frame->data, test::hevc_frame(19)));
}

TEST_CASE_METHOD(fixture, "flv: AAC", "[net][rtmp]") {
  audio(0, test::flv::aac(kind::sequence_start, test::asc()));
  const auto d = audio(21, test::flv::aac(kind::coded_frames, test::aac_frame()));
  REQUIRE(d.frame);
  CHECK(d.frame->track == media::track::audio);
  CHECK(d.frame->format->codec == media::codec::aac);
  CHECK(equal(d.frame->format->configuration, test::asc()));
  CHECK(d.frame->dts_ms == 21);
  CHECK(d.frame->pts_ms == 21);
  CHECK(d.frame->container_key);
  CHECK(equal(d.frame->data, test::aac_frame()));
  CHECK_FALSE(audio(42, test::flv::aac(kind::coded_frames, {})).frame);
  CHECK(counts().broken_bodies == 1);
  CHECK(counts().audio_frames == 1);
}

TEST_CASE_METHOD(fixture, "flv: an ADTS header in AAC is taken off", "[net][rtmp]") {
  audio(0, test::flv::aac(kind::sequence_start, test::asc()));
  bytes adts{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0xBF, 0xFC};  // 13 bytes in all
  const auto raw = test::aac_frame();
  adts.insert(adts.end(), raw.begin(), raw.end());
  const auto d = audio(0, test::flv::aac(kind::coded_frames, adts));
  REQUIRE(d.frame);
  CHECK(equal(d.frame->data, raw));
  CHECK(counts().payload_repaired == 1);
}

TEST_CASE_METHOD(fixture, "flv: MP3 needs no configuration", "[net][rtmp]") {
  const bytes frame{0xFF, 0xFB, 0x90, 0x64, 1, 2};
  bytes body{static_cast<std::uint8_t>(GENERATE(0x2F, 0xEF))};  // MP3, MP3 at 8 kHz
  body.insert(body.end(), frame.begin(), frame.end());
  const auto d = audio(7, body);
  REQUIRE(d.frame);
  CHECK(d.frame->format->codec == media::codec::mp3);
  CHECK(d.frame->format->configuration.empty());
  CHECK(equal(d.frame->data, frame));
  CHECK(audio(33, body).frame->format == d.frame->format);
}

TEST_CASE_METHOD(fixture, "flv: old codecs are refused by a sentence, once", "[net][rtmp]") {
  const auto sorenson = video(0, bytes{0x12, 1, 2, 3}).problem;
  REQUIRE(sorenson);
  CHECK(sorenson->code == "codec_unsupported");
  CHECK(sorenson->message ==
        "Video is not accepted: Sorenson H.263. Set the encoder to H.264, HEVC or AV1.");
  CHECK_FALSE(video(33, bytes{0x22, 1, 2, 3}).problem);
  const auto speex = audio(0, bytes{0xB2, 1, 2}).problem;
  REQUIRE(speex);
  CHECK(speex->track == media::track::audio);
  CHECK(speex->message == "Audio is not accepted: Speex. Set the encoder to AAC.");
  CHECK(counts().unsupported == 3);
}

TEST_CASE("flv: each codec that is not taken is named", "[net][rtmp]") {
  const auto name_of_video = [](bytes body) {
    return std::string(rtmp::read_video_tag(body).value().what);
  };
  const auto name_of_audio = [](bytes body) {
    return std::string(rtmp::read_audio_tag(body).value().what);
  };
  CHECK(name_of_video({0x13}) == "Screen video");
  CHECK(name_of_video({0x14}) == "On2 VP6");
  CHECK(name_of_video({0x15}) == "On2 VP6 with alpha");
  CHECK(name_of_video({0x16}) == "Screen video 2");
  CHECK(name_of_video({0x90, 'v', 'p', '0', '9'}) == "VP9");
  CHECK(name_of_video({0x90, 'v', 'v', 'c', '1'}) == "VVC");
  CHECK(name_of_audio({0x00}) == "Linear PCM");
  CHECK(name_of_audio({0x60}) == "Nellymoser");
  CHECK(name_of_audio({0x70}) == "G.711 A-law");
  CHECK(name_of_audio({0x90, 'f', 'L', 'a', 'C'}) == "FLAC");
  CHECK(name_of_audio({0x90, 'a', 'c', '-', '3'}) == "AC-3");
}

TEST_CASE_METHOD(fixture, "flv: command frames and empty messages say nothing", "[net][rtmp]") {
  CHECK_FALSE(video(0, bytes{0x57, 0}).problem);
  CHECK_FALSE(video(0, {}).problem);
  CHECK_FALSE(audio(0, {}).problem);
  CHECK_FALSE(video(0, bytes{0xD1, 0}).frame);  // enhanced: start of seek
  CHECK(counts().broken_bodies == 0);
  CHECK(counts().unsupported == 0);
}

TEST_CASE_METHOD(fixture, "flv: a restart forgets formats and times, not counts", "[net][rtmp]") {
  configure_avc();
  avc(5000, true, 0, test::h264_frame(5));
  demuxer.restart();
  CHECK_FALSE(avc(0, true, 0, test::h264_frame(5)).frame);
  configure_avc();
  CHECK(avc(0, true, 0, test::h264_frame(5)).frame->dts_ms == 0);
  CHECK(counts().video_frames == 2);
}

TEST_CASE_METHOD(fixture, "flv: a small frame does not keep a large message alive", "[net][rtmp]") {
  configure_avc();
  const auto small = test::h264_frame(5);
  auto padded = small;
  padded.resize(small.size() + 500'000);  // zeros, which are cut off
  const shared_bytes body(test::flv::video(test::flv::avc, kind::coded_frames, true, 0, padded));
  const auto d = demuxer.video(0, body);
  REQUIRE(d.frame);
  CHECK(equal(d.frame->data, small));
  const bool lies_inside =
      d.frame->data.data() >= body.data() && d.frame->data.data() < body.data() + body.size();
  CHECK_FALSE(lies_inside);
}
