// SPDX-License-Identifier: GPL-3.0-or-later
// What server_session answers to commands and control messages.
#include <catch2/catch.hpp>

#include "tests/support/rtmp_session_fixture.hpp"

using namespace troupe;
using namespace troupe::rtmp;
using amf0::null;
using test::rtmp_client;
using test::rtmp_pair;

namespace {

/// Connected, without a stream.
struct connected : rtmp_pair {
  connected() {
    exchange();
    client.send_connect({});
    exchange();
    REQUIRE_FALSE(failure);
  }

  std::optional<rtmp_client::command> answer(const std::vector<amf0::value>& values,
                                             std::string_view name = "_result") {
    client.send_command(0, values);
    exchange();
    while (auto c = command(name)) {
      if (c->transaction == *values.at(1).number()) {
        return c;
      }
    }
    return std::nullopt;
  }
};

std::uint32_t number_of(const message& m) {
  return byte_reader(m.payload.view()).u32();
}

}  // namespace

TEST_CASE("commands: connect is answered with windows, chunk size and success", "[net][rtmp]") {
  connected p;
  std::vector<message> controls;
  while (auto m = p.client.next_control()) {
    controls.push_back(*m);
  }
  REQUIRE(controls.size() == 2);  // the third, Set Chunk Size, is obeyed by the reader
  CHECK(controls[0].type == message_type::window_acknowledgement_size);
  CHECK(number_of(controls[0]) == 2'500'000);
  CHECK(controls[1].type == message_type::set_peer_bandwidth);
  const auto result = p.command("_result");
  REQUIRE(result);
  CHECK(result->transaction == 1.0);
  CHECK(result->code() == "NetConnection.Connect.Success");
}

TEST_CASE("commands: Enhanced RTMP is answered to who speaks it", "[net][rtmp]") {
  const bool is_enhanced = GENERATE(true, false);
  rtmp_pair p;
  p.exchange();
  p.client.send_connect({.is_enhanced = is_enhanced});
  p.exchange();
  const auto result = p.command("_result");
  REQUIRE(result);
  const auto& properties = result->values.at(0);
  REQUIRE(properties.find("fmsVer") != nullptr);
  REQUIRE((properties.find("fourCcList") != nullptr) == is_enhanced);
  if (is_enhanced) {
    const auto& codecs = std::get<amf0::strict_array>(properties.find("fourCcList")->data);
    CHECK(codecs == amf0::strict_array{{"avc1", "hvc1", "av01", "mp4a", "Opus", ".mp3"}});
    CHECK(*properties.find("videoFourCcInfoMap")->find("hvc1")->number() == 4.0);
    CHECK(*properties.find("capsEx")->number() == 5.0);  // Reconnect, ModEx
  }
  CHECK(p.server.request_reconnect("rtmp://b/app", "This node is leaving.") == is_enhanced);
  p.exchange();
  const auto status = p.command("onStatus");
  REQUIRE(status.has_value() == is_enhanced);
  if (is_enhanced) {
    CHECK(status->code() == "NetConnection.Connect.ReconnectRequest");
    CHECK(status->stream == 0);
    CHECK(*status->values.at(1).find("tcUrl")->text() == "rtmp://b/app");
    CHECK(*status->values.at(1).find("level")->text() == "status");
  }
}

TEST_CASE_METHOD(connected, "commands: those around publishing are answered", "[net][rtmp]") {
  CHECK(answer({"releaseStream", 2.0, null{}, "key"}));
  CHECK(answer({"FCPublish", 3.0, null{}, "key"}));
  const auto first = answer({"createStream", 4.0, null{}});
  REQUIRE(first);
  CHECK(*first->values.at(1).number() == 1.0);
  CHECK(*answer({"createStream", 5.0, null{}})->values.at(1).number() == 2.0);
  CHECK(answer({"_checkbw", 6.0, null{}}));
  CHECK(*answer({"getStreamLength", 7.0, null{}, "key"})->values.at(1).number() == 0.0);
  CHECK(answer({"FCUnpublish", 8.0, null{}, "key"}));
  CHECK(answer({"whatever", 9.0, null{}}, "_error")->code() == "NetConnection.Call.Failed");
  CHECK_FALSE(answer({"whatever", 0.0, null{}}, "_error"));  // 0: no answer is wanted
  REQUIRE_FALSE(failure);
}

TEST_CASE_METHOD(connected, "commands: FCPublish also calls back", "[net][rtmp]") {
  client.send_command(0, {"FCPublish", 3.0, null{}, "key"});
  exchange();
  CHECK(command("onFCPublish"));
}

TEST_CASE_METHOD(connected, "commands: in AMF3 messages, with and without the leading byte",
                 "[net][rtmp]") {
  const bool leading = GENERATE(true, false);
  auto payload = amf0::encode_all({"createStream", 4.0, null{}});
  if (leading) {
    payload.insert(payload.begin(), 0);
  }
  client.send({.type = message_type::command_amf3,
               .chunk_stream = 3,
               .stream = 0,
               .timestamp = 0,
               .payload = shared_bytes(payload)});
  exchange();
  REQUIRE_FALSE(failure);
  command("_result");  // connect's
  CHECK(command("_result"));
}

TEST_CASE_METHOD(connected, "commands: play is refused and closed", "[net][rtmp]") {
  answer({"createStream", 4.0, null{}});
  client.send_command(1, {"play", 0.0, null{}, "key"});
  exchange();
  const auto status = command("onStatus");
  REQUIRE(status);
  CHECK(status->code() == "NetStream.Play.Failed");
  CHECK(status->stream == 1);
  CHECK(server.wants_close());
}

TEST_CASE_METHOD(connected, "commands: publish without a key is refused and closed",
                 "[net][rtmp]") {
  answer({"createStream", 4.0, null{}});
  client.send_command(1, {"publish", 0.0, null{}, "?x=y", "live"});
  exchange();
  CHECK(command("onStatus")->code() == "NetStream.Publish.BadName");
  CHECK(server.wants_close());
  CHECK(count<publish_requested>() == 0);
}

TEST_CASE("commands: a second publication on one connection is refused, the first goes on",
          "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  p.client.send_command(0, {"createStream", 9.0, null{}});
  p.client.send_command(2, {"publish", 10.0, null{}, "other", "live"});
  p.exchange();
  p.command("onStatus");  // Publish.Start
  const auto status = p.command("onStatus");
  REQUIRE(status);
  CHECK(status->code() == "NetStream.Publish.BadName");
  CHECK(status->stream == 2);
  CHECK(p.server.is_publishing());
  CHECK_FALSE(p.server.wants_close());
}

TEST_CASE("commands: what breaks the protocol ends the session", "[net][rtmp]") {
  rtmp_pair p;
  std::string reason = "rtmp_protocol";
  p.exchange();
  SECTION("a command before connect") {
    p.client.send_command(0, {"createStream", 1.0, null{}});
  }
  SECTION("connect twice") {
    p.client.send_connect({});
    p.client.send_connect({});
  }
  SECTION("publish on a stream of its own invention") {
    p.client.send_connect({});
    p.client.send_command(7, {"publish", 0.0, null{}, "key", "live"});
  }
  SECTION("a command without a name") {
    p.client.send_command(0, {1.0});
  }
  SECTION("an empty command") {
    p.client.send_command(0, {});
  }
  SECTION("a command that is no AMF0") {
    p.client.send({.type = message_type::command_amf0, .payload = shared_bytes(bytes{2, 0})});
    reason = "amf0_malformed";
  }
  SECTION("an acknowledgement window of 0") {
    p.client.send_control(message_type::window_acknowledgement_size, 0);
  }
  SECTION("commands without end") {
    p.client.send_connect({});
    for (int i = 0; i < 64; ++i) {
      p.client.send_command(0, {"_checkbw", 0.0, null{}});
    }
    reason = "rtmp_limit";
  }
  p.exchange();
  REQUIRE(p.failure);
  CHECK(p.failure->reason == reason);
  CHECK_FALSE(p.server.wants_input());
  CHECK(p.server.feed(bytes{1}).error() == *p.failure);  // and it stays so
}

TEST_CASE_METHOD(connected, "commands: streams are limited, deleting makes room", "[net][rtmp]") {
  for (int i = 0; i < 8; ++i) {
    REQUIRE(answer({"createStream", 10.0 + i, null{}}));
  }
  REQUIRE(answer({"createStream", 30.0, null{}}, "_error"));
  client.send_command(0, {"deleteStream", 0.0, null{}, 3.0});
  REQUIRE(answer({"createStream", 31.0, null{}}));
}

TEST_CASE("control: an acknowledgement for every window", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  while (p.client.next_control()) {
  }
  p.client.send_control(message_type::window_acknowledgement_size, 5000);
  p.exchange();
  const auto before = p.server.statistics().acknowledgements_sent;
  p.piece = 1000;
  p.client.send_audio(0, bytes(20'000, 0xAF));
  p.exchange();
  const auto sent = p.server.statistics().acknowledgements_sent - before;
  CHECK(sent >= 3);
  CHECK(sent <= 5);
  std::uint32_t last = 0;
  while (auto m = p.client.next_control()) {
    REQUIRE(m->type == message_type::acknowledgement);
    CHECK(number_of(*m) - last >= 5000);
    last = number_of(*m);
  }
  CHECK(last <= p.server.statistics().bytes_in);
  CHECK(last + 5000 > p.server.statistics().bytes_in);
}

TEST_CASE("control: pings both ways", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  while (p.client.next_control()) {
  }
  byte_writer ping;
  ping.u16(6);
  ping.u32(12345);
  p.client.send({.type = message_type::user_control,
                 .chunk_stream = 2,
                 .stream = 0,
                 .timestamp = 0,
                 .payload = shared_bytes(ping.take())});
  p.exchange();
  const auto pong = p.client.next_control();
  REQUIRE(pong);
  byte_reader fields(pong->payload.view());
  CHECK(fields.u16() == 7);
  CHECK(fields.u32() == 12345);
  CHECK(p.server.statistics().pings_answered == 1);

  p.server.ping(99);
  p.exchange();
  const auto request = p.client.next_control();
  REQUIRE(request);
  CHECK(byte_reader(request->payload.view()).u16() == 6);
  byte_writer answer;
  answer.u16(7);
  answer.u32(99);
  p.client.send({.type = message_type::user_control,
                 .chunk_stream = 2,
                 .stream = 0,
                 .timestamp = 0,
                 .payload = shared_bytes(answer.take())});
  p.client.send_control(message_type::acknowledgement, 1);
  p.exchange();
  CHECK(p.server.statistics().pongs_received == 1);
  CHECK(p.server.statistics().acknowledgements_received == 1);
}

TEST_CASE("control: unknown messages are ignored", "[net][rtmp]") {
  rtmp_pair p;
  p.begin();
  const auto before = p.server.statistics().messages_ignored;
  for (const int type : {6, 7, 16, 19, 100, 255}) {
    p.client.send({.type = static_cast<message_type>(type),
                   .chunk_stream = 9,
                   .stream = 0,
                   .timestamp = 0,
                   .payload = shared_bytes(bytes{1, 2, 3})});
  }
  p.exchange();
  REQUIRE_FALSE(p.failure);
  CHECK(p.server.statistics().messages_ignored == before + 6);
}
