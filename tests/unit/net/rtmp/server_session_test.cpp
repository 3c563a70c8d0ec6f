// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/server_session.hpp"

#include <catch2/catch.hpp>

#include "tests/support/rtmp_session_fixture.hpp"

using namespace troupe;
using namespace troupe::rtmp;
using test::rtmp_client;
using test::rtmp_pair;
using test::flv::kind;

TEST_CASE("session: from handshake to frames, however the bytes arrive", "[net][rtmp]") {
  rtmp_pair p(GENERATE(rtmp_client::handshake::plain, rtmp_client::handshake::digest_first_half,
                       rtmp_client::handshake::digest_second_half));
  p.piece = GENERATE(1U, 13U, 100'000U);
  p.client.publish({.app = "app", .key = "KEY?x=y"});
  p.exchange();
  REQUIRE(p.client.handshake_verified());
  const auto& asked = p.first<publish_requested>();
  CHECK(asked.app == "app");
  CHECK(asked.key == "KEY");
  CHECK(asked.encoder == "FMLE/3.0 (compatible; troupe-test)");
  CHECK_FALSE(p.server.wants_input());
  CHECK_FALSE(p.client.is_publishing());

  p.accept();
  CHECK(p.client.is_publishing());
  CHECK(p.server.is_publishing());
  CHECK(p.server.wants_input());

  p.client.set_chunk_size(GENERATE(128U, 4096U));
  p.client.send_metadata({{"width", 1280.0}, {"encoder", "test"}});
  p.send_configurations();
  p.send_frame(0);
  p.client.send_audio(5, test::flv::aac(kind::coded_frames, test::aac_frame()));
  p.send_frame(33, false);
  p.exchange();
  REQUIRE_FALSE(p.failure);
  CHECK(p.first<metadata>().number("width") == 1280.0);
  CHECK(p.first<metadata>().text("encoder") == "test");
  CHECK(p.first<metadata>().number("encoder") == std::nullopt);
  REQUIRE(p.count<media::frame>() == 3);
  CHECK(std::get<media::frame>(p.events.back()).dts_ms == 33);
  CHECK(p.server.statistics().media.video_frames == 2);
  CHECK(p.server.statistics().media.audio_frames == 1);

  p.client.send_end();
  p.exchange();
  CHECK(p.first<publish_ended>().is_explicit);
  p.server.end_of_input();
  p.drain();
  CHECK(p.count<publish_ended>() == 1);
}

TEST_CASE("session: media sent before the answer waits in the peer's socket", "[net][rtmp]") {
  rtmp_pair p;
  p.client.publish({});
  // everything up to publish, then publish and media in one piece
  while (p.client.stream() == 0) {
    p.server.feed(p.client.take_output()).value();
    p.client.feed(p.server.take_output()).value();
  }
  p.send_configurations();
  p.send_frame(0);
  const auto output = p.client.take_output();
  REQUIRE(p.server.feed(output));
  p.drain();
  REQUIRE(p.count<publish_requested>() == 1);
  REQUIRE(p.count<media::frame>() == 0);
  REQUIRE_FALSE(p.server.wants_input());
  SECTION("accepted: nothing is lost") {
    p.accept();
    REQUIRE_FALSE(p.failure);
    CHECK(p.count<media::frame>() == 1);
  }
  SECTION("an owner that goes on reading is stopped") {
    const bytes more(60'000);
    REQUIRE(p.server.feed(more));
    for (int i = 0; i < 3; ++i) {
      REQUIRE(p.server.feed(more));
    }
    REQUIRE(p.server.feed(more).error().reason == "rtmp_limit");
  }
  SECTION("the connection breaks meanwhile: nothing was published") {
    p.server.end_of_input();
    p.drain();
    CHECK(p.count<publish_ended>() == 0);
    REQUIRE(p.server.accept());
    CHECK_FALSE(p.server.is_publishing());
  }
}

TEST_CASE("session: a refused publisher is told why, and closed", "[net][rtmp]") {
  rtmp_pair p;
  p.client.publish({.key = "wrong"});
  p.exchange();
  p.server.refuse(status_code::bad_name, "No such stream key.");
  CHECK(p.server.wants_close());
  p.exchange();
  const auto status = p.command("onStatus");
  REQUIRE(status);
  CHECK(status->code() == "NetStream.Publish.BadName");
  CHECK(status->stream == p.client.stream());
  CHECK(*status->values.at(1).find("level")->text() == "error");
  CHECK(*status->values.at(1).find("description")->text() == "No such stream key.");
  // what it says now is of no interest
  p.send_frame(0);
  p.exchange();
  REQUIRE_FALSE(p.failure);
  p.server.end_of_input();
  p.drain();
  CHECK(p.count<media::frame>() == 0);
  CHECK(p.count<publish_ended>() == 0);
  CHECK(p.server.take_output().empty());
}

TEST_CASE("session: a publisher can be turned away later", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.server.refuse(status_code::bad_name, "Taken over by a newer connection.");
  CHECK(p.server.wants_close());
  p.exchange();
  p.command("onStatus");  // Publish.Start
  const auto status = p.command("onStatus");
  REQUIRE(status);
  CHECK(status->code() == "NetStream.Publish.BadName");
  p.server.end_of_input();
  p.drain();
  CHECK(p.count<publish_ended>() == 0);
}

TEST_CASE("session: each way to end says whether it was meant", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  using amf0::null;
  bool is_explicit = true;
  SECTION("FCUnpublish") {
    p.client.send_command(0, {"FCUnpublish", 6.0, null{}, "key"});
  }
  SECTION("deleteStream") {
    p.client.send_command(0, {"deleteStream", 0.0, null{}, 1.0});
  }
  SECTION("closeStream") {
    p.client.send_command(1, {"closeStream", 0.0, null{}});
  }
  SECTION("the connection breaks") {
    p.server.end_of_input();
    is_explicit = false;
  }
  SECTION("the peer breaks the protocol") {
    p.client.send_control(message_type::set_chunk_size, 0);
    is_explicit = false;
  }
  p.exchange();
  p.drain();
  REQUIRE(p.count<publish_ended>() == 1);
  CHECK(p.first<publish_ended>().is_explicit == is_explicit);
  CHECK(p.failure.has_value() == (!is_explicit && !p.server.wants_close()));
  p.server.end_of_input();
  p.drain();
  CHECK(p.count<publish_ended>() == 1);
}

TEST_CASE("session: deleting another stream ends nothing", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.client.send_command(0, {"deleteStream", 0.0, amf0::null{}, 2.0});
  p.client.send_command(0, {"deleteStream", 0.0, amf0::null{}, -1.0});
  p.client.send_command(0, {"deleteStream", 0.0, amf0::null{}, 1e300});
  p.client.send_command(2, {"closeStream", 0.0, amf0::null{}});
  p.exchange();
  REQUIRE_FALSE(p.failure);
  CHECK(p.server.is_publishing());
}

TEST_CASE("session: a connection may publish again after an end", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.send_configurations();
  p.send_frame(90'000);
  p.client.send_end();
  p.client.send_command(0, {"createStream", 4.0, amf0::null{}});
  p.exchange();
  REQUIRE(p.count<publish_requested>() == 1);
  p.accept();
  REQUIRE(p.server.is_publishing());
  CHECK(p.client.stream() == 2);
  p.send_configurations();
  p.send_frame(0);
  p.exchange();
  REQUIRE(p.count<media::frame>() == 2);
  CHECK(std::get<media::frame>(p.events.back()).dts_ms == 0);  // a timeline of its own
}

TEST_CASE("session: media outside of the publication is ignored", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.send_configurations();
  p.client.send({.type = message_type::video,
                 .chunk_stream = 6,
                 .stream = 7,
                 .timestamp = 0,
                 .payload = shared_bytes(bytes{0x17, 1, 0, 0, 0})});
  p.client.send_command(0, {"FCUnpublish", 6.0, amf0::null{}, "key"});
  p.send_frame(0);
  p.exchange();
  REQUIRE_FALSE(p.failure);
  CHECK(p.count<media::frame>() == 0);
  CHECK(p.server.statistics().media_ignored == 2);
}

TEST_CASE("session: who has not published cannot make us hold media", "[net][rtmp]") {
  rtmp_pair p;
  const auto send_large = [&p] {
    p.client.send({.type = message_type::video,
                   .chunk_stream = 6,
                   .stream = 1,
                   .timestamp = 0,
                   .payload = shared_bytes(bytes(1'000'000))});
    p.exchange();
  };
  SECTION("before it publishes") {
    send_large();
    REQUIRE(p.failure);
    CHECK(p.failure->reason == "rtmp_limit");
  }
  SECTION("a publisher may") {
    p.begin();
    send_large();
    CHECK_FALSE(p.failure);
  }
}

TEST_CASE("session: problems of the media are events", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.client.send_video(0, {0x12, 1, 2, 3});
  p.client.send_video(33, {0x12, 1, 2, 3});
  p.exchange();
  REQUIRE(p.count<problem>() == 1);
  CHECK(p.first<problem>().code == "codec_unsupported");
}

TEST_CASE("session: aggregate messages", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.send_configurations();
  byte_writer out;
  const auto tag = [&](std::uint8_t type, std::uint32_t time, const bytes& body) {
    out.u8(type);
    out.u24(body.size());
    out.u24(time & 0xFFFFFF);
    out.u8(time >> 24);
    out.u24(0);
    out.append(body);
    out.u32(body.size() + 11);
  };
  tag(9, 0x01000000, test::flv::video(7, kind::coded_frames, true, 0, test::h264_frame(5)));
  tag(8, 0x01000005, test::flv::aac(kind::coded_frames, test::aac_frame()));
  p.client.send({.type = message_type::aggregate,
                 .chunk_stream = 6,
                 .stream = 1,
                 .timestamp = 1000,
                 .payload = shared_bytes(out.take())});
  p.exchange();
  REQUIRE(p.count<media::frame>() == 2);
  CHECK(p.first<media::frame>().dts_ms == 1000);
  CHECK(std::get<media::frame>(p.events.back()).dts_ms == 1005);
}

TEST_CASE("session: metadata in its forms", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  const auto send = [&](message_type type, bytes payload) {
    p.client.send({.type = type,
                   .chunk_stream = 4,
                   .stream = 1,
                   .timestamp = 0,
                   .payload = shared_bytes(std::move(payload))});
    p.exchange();
    REQUIRE_FALSE(p.failure);
  };
  const amf0::object values{{{"framerate", 30.0}}};
  send(message_type::data_amf0, amf0::encode_all({"onMetaData", values}));
  CHECK(p.count<metadata>() == 1);
  auto wrapped = amf0::encode_all({"@setDataFrame", "onMetaData", values});
  wrapped.insert(wrapped.begin(), 0);
  send(message_type::data_amf3, wrapped);
  CHECK(p.count<metadata>() == 2);
  send(message_type::data_amf0, amf0::encode_all({"@clearDataFrame", "onMetaData"}));
  send(message_type::data_amf0, amf0::encode_all({"onMetaData"}));
  send(message_type::data_amf0, amf0::encode_all({"@setDataFrame", "onMetaData", 1.0}));
  CHECK(p.server.statistics().messages_ignored == 3);
  send(message_type::data_amf0, {0x02, 0xFF});
  CHECK(p.server.statistics().metadata_refused == 1);
  CHECK(p.count<metadata>() == 2);
}
