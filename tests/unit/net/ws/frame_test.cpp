// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "net/ws/frame.hpp"

namespace troupe::ws {
namespace {

using state = frame_reader::state;

bytes from_hex(std::string_view text) {
  bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

boost::json::value vectors() {
  std::ifstream file(TROUPE_SOURCE_DIR "/tests/data/websocket-rfc6455.json");
  return boost::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

/// A client's frame.
bytes masked(std::uint8_t first, std::string_view payload) {
  bytes out;
  append_header(out, opcode::text, payload.size());
  out[0] = first;
  out[1] |= 0x80;
  const bytes mask{0x37, 0xfa, 0x21, 0x3d};
  out.insert(out.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<std::uint8_t>(payload[i]) ^ mask[i % 4]);
  }
  return out;
}

bytes joined(std::initializer_list<bytes> parts) {
  bytes all;
  for (const auto& p : parts) {
    all.insert(all.end(), p.begin(), p.end());
  }
  return all;
}

struct seen {
  state what;
  std::string payload;

  friend bool operator==(const seen&, const seen&) = default;

  friend std::ostream& operator<<(std::ostream& out, const seen& s) {
    return out << static_cast<int>(s.what) << ':' << s.payload;
  }
};

/// Everything a reader makes of data, given in pieces of at most size bytes.
std::vector<seen> read(frame_reader& reader, byte_view data, std::size_t size = 1 << 20) {
  std::vector<seen> all;
  while (!data.empty() && reader.now() != state::failed) {
    const auto piece = data.first(std::min(size, data.size()));
    data = data.subspan(reader.put(piece));
    if (reader.now() != state::more) {
      all.push_back({reader.now(), std::string(as_text(reader.payload()))});
    }
  }
  return all;
}

close_code failure_of(byte_view data, std::size_t limit = 4096) {
  frame_reader reader(limit);
  read(reader, data);
  REQUIRE(reader.now() == state::failed);
  return reader.failure();
}

}  // namespace

TEST_CASE("frame_reader: takes what RFC 6455 shows from clients", "[net][ws]") {
  int from_clients = 0;
  const auto all = vectors();
  for (const auto& v : all.at("frames").as_array()) {
    const auto& o = v.as_object();
    if (!o.contains("masked") || o.at("masked") != 1) {
      continue;
    }
    ++from_clients;
    frame_reader reader(4096);
    const auto got = read(reader, from_hex(o.at("hex").as_string()));
    REQUIRE(got.size() == 1);
    CHECK(got[0] == seen{o.at("op") == 1 ? state::text : state::pong, "Hello"});
  }
  CHECK(from_clients == 2);
}

TEST_CASE("frame: writes what RFC 6455 shows from servers", "[net][ws]") {
  const auto all = vectors();
  const auto& frames = all.at("frames").as_array();
  const auto hello = as_bytes("Hello");
  const auto hex = [&](std::size_t i) { return from_hex(frames[i].at("hex").as_string()); };
  CHECK(std::ranges::equal(encode_text("Hello").view(), hex(0)));
  CHECK(std::ranges::equal(encode_frame(opcode::ping, hello).view(), hex(3)));
  const auto starts_with = [&](std::size_t i, std::size_t size) {
    const auto prefix = from_hex(frames[i].at("hex_prefix").as_string());
    const auto frame = encode_frame(opcode::binary, bytes(size));
    CHECK(frame.size() == prefix.size() + size);
    CHECK(std::ranges::equal(frame.view().first(prefix.size()), prefix));
  };
  starts_with(5, 256);
  starts_with(6, 65536);
  CHECK(std::ranges::equal(encode_close(close_code::going_away, "bye").view(),
                           from_hex("880503e9627965")));
  CHECK(encode_close(close_code::policy, std::string(500, 'x')).size() == 2 + 125);
}

TEST_CASE("frame_reader: refuses what must be refused", "[net][ws]") {
  int refused = 0;
  const auto all = vectors();
  for (const auto& v : all.at("must_reject").as_array()) {
    const auto data = from_hex(v.at("hex").as_string());
    const std::string why(v.at("why").as_string());
    CAPTURE(why);
    const auto code = failure_of(data);
    CHECK(why.find(std::to_string(static_cast<int>(code))) != std::string::npos);
    ++refused;
  }
  CHECK(refused == 10);
  // The server's own frames, sent back, are not masked.
  for (const auto& v : all.at("frames").as_array()) {
    if (v.as_object().contains("from") && v.at("from") == "server") {
      CHECK(failure_of(from_hex(v.at("hex").as_string())) == close_code::protocol_error);
    }
  }
}

TEST_CASE("frame_reader: puts fragments together, with control frames between", "[net][ws]") {
  const auto data = joined({masked(0x01, "Hel"), masked(0x89, "are you there?"), masked(0x00, ""),
                            masked(0x8A, ""), masked(0x80, "lo"), masked(0x81, "")});
  for (std::size_t size = 1; size <= data.size(); ++size) {
    frame_reader reader(4096);
    CHECK(read(reader, data, size) == std::vector<seen>{{state::ping, "are you there?"},
                                                        {state::pong, ""},
                                                        {state::text, "Hello"},
                                                        {state::text, ""}});
    CHECK(reader.frames() == 6);
  }
}

TEST_CASE("frame_reader: holds a message to its limit before it is here", "[net][ws]") {
  frame_reader reader(4096);
  CHECK(read(reader, masked(0x81, std::string(4096, 'x'))).size() == 1);
  const auto too_long = masked(0x81, std::string(4097, 'x'));
  CHECK(failure_of(byte_view(too_long).first(8)) == close_code::too_big);
  CHECK(failure_of(joined({masked(0x01, std::string(4000, 'x')),
                           masked(0x80, std::string(97, 'x'))})) == close_code::too_big);
  const auto huge = from_hex("81ff7fffffffffffffff00000000");
  CHECK(failure_of(huge) == close_code::too_big);
  const auto several = joined({masked(0x01, std::string(4096, 'x')), masked(0x80, "")});
  frame_reader exact(4096);
  CHECK(read(exact, several).size() == 1);
}

TEST_CASE("frame_reader: refuses frames that no client may send", "[net][ws]") {
  const auto code = [](const bytes& data) { return failure_of(data); };
  CHECK(code(masked(0x82, "x")) == close_code::not_text);
  CHECK(code(masked(0xA1, "x")) == close_code::protocol_error);  // RSV2
  CHECK(code(masked(0x8B, "x")) == close_code::protocol_error);
  // A new message before the last one's end.
  CHECK(code(joined({masked(0x01, "a"), masked(0x81, "b")})) == close_code::protocol_error);
  // Lengths in a longer form than needed.
  CHECK(code(from_hex("81fe007d00000000")) == close_code::protocol_error);
  CHECK(code(from_hex("81ff000000000000ffff00000000")) == close_code::protocol_error);
}

TEST_CASE("frame_reader: takes text that is UTF-8, however it is cut", "[net][ws]") {
  const std::string text = "\xe2\x82\xac \xf0\x9f\x8e\xad \xc3\xa9 \xf4\x8f\xbf\xbf";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    frame_reader reader(4096);
    const auto data = joined({masked(0x01, text.substr(0, cut)), masked(0x80, text.substr(cut))});
    CHECK(read(reader, data, 1) == std::vector<seen>{{state::text, text}});
  }
  for (const std::string wrong :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80",
        "a\xff", "\xe2\x82", "\xf0\x9f\x8e"}) {
    CHECK(failure_of(masked(0x81, wrong)) == close_code::not_utf8);
  }
  // At the first wrong byte, long before the message is whole (RFC 6455 8.1).
  frame_reader early(4096);
  const auto data = masked(0x81, "\xff" + std::string(1000, 'x'));
  read(early, byte_view(data).first(9));
  CHECK(early.now() == state::failed);
}

TEST_CASE("frame_reader: reads close frames", "[net][ws]") {
  const auto code_of = [](std::string_view payload) {
    frame_reader reader(4096);
    const auto got = read(reader, masked(0x88, payload));
    REQUIRE(got.size() == 1);
    REQUIRE(got[0].what == state::close);
    return reader.peer_code();
  };
  CHECK(code_of("") == std::nullopt);
  CHECK(code_of("\x03\xe8") == 1000);
  CHECK(code_of("\x03\xe9\xe2\x82\xac") == 1001);
  CHECK(code_of("\x0f\xa0") == 4000);
  for (const std::string_view wrong : {"\x03", "\x03\xe7", "\x03\xec", "\x03\xed", "\x03\xee",
                                       "\x03\xf7", "\x0b\xb7", "\x13\x88", "\xff\xff"}) {
    CHECK(failure_of(masked(0x88, wrong)) == close_code::protocol_error);
  }
  CHECK(failure_of(masked(0x88, "\x03\xe8\xff")) == close_code::not_utf8);
}

TEST_CASE("frame_reader: reads what it is given in any pieces", "[net][ws]") {
  std::mt19937 random(7);  // the same every time
  bytes data;
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) {
    texts.emplace_back(random() % 400, static_cast<char>('a' + i % 26));
    const auto frame = masked(0x81, texts.back());
    data.insert(data.end(), frame.begin(), frame.end());
  }
  for (int round = 0; round < 20; ++round) {
    frame_reader reader(4096);
    std::vector<std::string> got;
    byte_view rest = data;
    while (!rest.empty()) {
      auto piece = rest.first(std::min<std::size_t>(1 + random() % 700, rest.size()));
      rest = rest.subspan(piece.size());
      while (!piece.empty()) {
        piece = piece.subspan(reader.put(piece));
        if (reader.now() == state::text) {
          got.emplace_back(as_text(reader.payload()));
        }
      }
    }
    CHECK(got == texts);
  }
}

}  // namespace troupe::ws
