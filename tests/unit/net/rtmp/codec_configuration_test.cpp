// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/codec_configuration.hpp"

#include <catch2/catch.hpp>

#include "tests/support/rtmp_samples.hpp"

using namespace troupe;
using namespace troupe::rtmp;
using media::codec;

TEST_CASE("codec configuration: accepts real records", "[net][rtmp]") {
  CHECK(check_configuration(codec::h264, test::avcc()) == 4U);
  CHECK(check_configuration(codec::hevc, test::hvcc()) == 4U);
  CHECK(check_configuration(codec::av1, test::av1c()) == 0U);
  CHECK(check_configuration(codec::aac, test::asc()) == 0U);
  CHECK(check_configuration(codec::opus, test::opus_head()) == 0U);
  CHECK(check_configuration(codec::mp3, {}) == 0U);
}

TEST_CASE("codec configuration: refuses any record cut short", "[net][rtmp]") {
  const auto all_cuts_fail = [](codec c, const bytes& record, std::size_t least) {
    for (std::size_t size = 0; size < least; ++size) {
      CAPTURE(size);
      const auto checked = check_configuration(c, byte_view(record).first(size));
      REQUIRE_FALSE(checked);
      REQUIRE(checked.error().reason == "bad_configuration");
    }
  };
  all_cuts_fail(codec::h264, test::avcc(), test::avcc_without_extension);
  all_cuts_fail(codec::hevc, test::hvcc(), test::hvcc().size());
  all_cuts_fail(codec::av1, test::av1c(), 4);
  all_cuts_fail(codec::aac, test::asc(), 2);
  all_cuts_fail(codec::opus, test::opus_head(), 19);
}

TEST_CASE("codec configuration: refuses nonsense", "[net][rtmp]") {
  auto avc = test::avcc();
  SECTION("H.264: version") {
    avc[0] = 2;
  }
  SECTION("H.264: lengths of 3 bytes") {
    avc[4] = 0xFE;
  }
  SECTION("H.264: no SPS") {
    avc[5] = 0xE0;
  }
  SECTION("H.264: an SPS that is something else") {
    avc[8] = 0x68;
  }
  SECTION("H.264: more SPS than there are") {
    avc[5] = 0xFF;
  }
  REQUIRE_FALSE(check_configuration(codec::h264, avc));
  REQUIRE_FALSE(check_configuration(codec::aac, bytes{0x06, 0x90}));  // frequency index 13
  REQUIRE_FALSE(check_configuration(codec::aac, bytes{0x00, 0x10}));  // no object type
  REQUIRE_FALSE(check_configuration(codec::aac, bytes{0x17, 0x80}));  // frequency cut short
  REQUIRE_FALSE(check_configuration(codec::av1, bytes{0x01, 0, 0, 0}));
  REQUIRE_FALSE(check_configuration(codec::hevc, bytes(23, 0)));  // no parameter sets
  REQUIRE_FALSE(check_configuration(codec::h264, bytes(70000, 1)));
}

TEST_CASE("codec configuration: NAL lengths must add up", "[net][rtmp]") {
  const bytes two{0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x06};
  CHECK(nal_units_size(two, 4) == two.size());
  CHECK(nal_units_size(byte_view(two).first(10), 4) == std::nullopt);
  CHECK(nal_units_size(byte_view(two).first(5), 4) == std::nullopt);
  auto padded = two;
  padded.insert(padded.end(), 5, 0);
  CHECK(nal_units_size(padded, 4) == two.size());
  padded.push_back(1);
  CHECK(nal_units_size(padded, 4) == std::nullopt);
  CHECK(nal_units_size(bytes{0, 0, 0, 0}, 4) == std::nullopt);  // nothing but padding
  CHECK(nal_units_size({}, 4) == std::nullopt);
  CHECK(nal_units_size(bytes{0, 0, 0, 1, 0x65, 0x88, 0x84}, 4) == std::nullopt);  // start codes
  CHECK(nal_units_size(bytes{0xFF, 0xFF, 0xFF, 0xFF, 1}, 4) == std::nullopt);
  CHECK(nal_units_size(bytes{2, 0x65, 1, 1, 6}, 1) == 5U);
  CHECK(nal_units_size(bytes{0, 2, 0x65, 1}, 2) == 4U);
}

TEST_CASE("codec configuration: finds a stray ADTS header", "[net][rtmp]") {
  bytes adts{0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x7F, 0xFC, 1, 2, 3, 4};  // length 11
  CHECK(adts_header_size(adts) == 7);
  adts[1] = 0xF0;  // with checksum
  CHECK(adts_header_size(adts) == 9);
  adts.push_back(5);
  CHECK(adts_header_size(adts) == 0);  // lengths differ: no header then
  CHECK(adts_header_size(bytes{0x21, 0x10, 4, 5, 6, 7, 8, 9}) == 0);
}

TEST_CASE("codec configuration: finds AV1 temporal delimiters", "[net][rtmp]") {
  const bytes frame{0x32, 3, 1, 2, 3};
  CHECK(temporal_delimiters_size(frame) == 0U);
  bytes with{0x12, 0};
  with.insert(with.end(), frame.begin(), frame.end());
  CHECK(temporal_delimiters_size(with) == 2U);
  CHECK(temporal_delimiters_size(bytes{0x30, 1, 2, 3}) == 0U);        // no size: to the end
  CHECK(temporal_delimiters_size(bytes{0x36, 0, 3, 1, 2, 3}) == 0U);  // with an extension byte
  CHECK(temporal_delimiters_size(bytes{0x32, 4, 1, 2, 3}) == std::nullopt);
  CHECK(temporal_delimiters_size(bytes{0xB2, 0}) == std::nullopt);
  CHECK(temporal_delimiters_size(bytes{0x32}) == std::nullopt);
  CHECK(temporal_delimiters_size(bytes{0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F}) ==
        std::nullopt);
}
