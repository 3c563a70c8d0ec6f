// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/rtmp_client.hpp"

#include <algorithm>

#include "net/rtmp/handshake.hpp"

namespace troupe::test {

namespace {

using rtmp::handshake_block_size;
using rtmp::amf0::null;
using rtmp::amf0::object;
using rtmp::amf0::value;
using block_view = std::span<const std::uint8_t, handshake_block_size>;

constexpr double connect_transaction = 1;
constexpr double create_stream_transaction = 4;

block_view block_at(const bytes& data, std::size_t offset) {
  return block_view(data.data() + offset, handshake_block_size);
}

rtmp::digest_layout layout_of(rtmp_client::handshake kind) {
  return kind == rtmp_client::handshake::digest_first_half ? rtmp::digest_layout::first_half
                                                           : rtmp::digest_layout::second_half;
}

}  // namespace

void append_basic_header(byte_writer& out, unsigned type, std::uint32_t chunk_stream) {
  if (chunk_stream >= 320) {
    out.u8((type << 6) | 1U);
    out.u8((chunk_stream - 64) % 256);
    out.u8((chunk_stream - 64) / 256);
  } else if (chunk_stream >= 64) {
    out.u8(type << 6);
    out.u8(chunk_stream - 64);
  } else {
    out.u8((type << 6) | chunk_stream);
  }
}

void append_chunks(byte_writer& out, const rtmp::message& m, const chunk_style& style) {
  const std::uint32_t time = style.header_type == 0 ? m.timestamp : style.delta;
  const bool extended = time >= rtmp::extended_timestamp_mark;
  append_basic_header(out, style.header_type, m.chunk_stream);
  if (style.header_type < 3) {
    out.u24(extended ? rtmp::extended_timestamp_mark : time);
  }
  if (style.header_type < 2) {
    out.u24(m.payload.size());
    out.u8(static_cast<std::uint8_t>(m.type));
  }
  if (style.header_type == 0) {
    for (const unsigned shift : {0U, 8U, 16U, 24U}) {
      out.u8((m.stream >> shift) & 0xFF);
    }
  }
  if (extended && (style.header_type < 3 || style.repeats_extended)) {
    out.u32(time);
  }
  const auto payload = m.payload.view();
  for (std::size_t at = 0; at < payload.size(); at += style.chunk_size) {
    if (at > 0) {
      append_basic_header(out, 3, m.chunk_stream);
      if (extended && style.repeats_extended) {
        out.u32(time);
      }
    }
    out.append(payload.subspan(at, std::min<std::size_t>(style.chunk_size, payload.size() - at)));
  }
}

namespace flv {

bytes video(std::uint8_t codec, kind k, bool key, std::int32_t composition_ms, byte_view payload) {
  byte_writer out;
  out.u8((key ? 0x10U : 0x20U) | codec);
  out.u8(static_cast<std::uint8_t>(k));
  out.u24(static_cast<std::uint32_t>(composition_ms) & 0xFFFFFF);
  out.append(payload);
  return out.take();
}

bytes enhanced_video(std::string_view four_cc, kind k, bool key, std::int32_t composition_ms,
                     byte_view payload) {
  byte_writer out;
  out.u8(0x80U | (key ? 0x10U : 0x20U) | static_cast<unsigned>(k));
  out.append(four_cc);
  if (k == kind::coded_frames && four_cc != "av01") {
    out.u24(static_cast<std::uint32_t>(composition_ms) & 0xFFFFFF);
  }
  out.append(payload);
  return out.take();
}

bytes aac(kind k, byte_view payload) {
  byte_writer out;
  out.u8(0xAF);
  out.u8(static_cast<std::uint8_t>(k));
  out.append(payload);
  return out.take();
}

bytes enhanced_audio(std::string_view four_cc, kind k, byte_view payload) {
  byte_writer out;
  out.u8(0x90U | static_cast<unsigned>(k));
  out.append(four_cc);
  out.append(payload);
  return out.take();
}

}  // namespace flv

std::string rtmp_client::command::code() const {
  for (const auto& v : values) {
    if (const auto* code = v.find("code"); code != nullptr && code->text() != nullptr) {
      return *code->text();
    }
  }
  return {};
}

rtmp_client::rtmp_client(handshake kind) : kind_(kind), c1_(handshake_block_size) {
  for (std::size_t i = 8; i < c1_.size(); ++i) {
    c1_[i] = static_cast<std::uint8_t>(i * 31 + 7);
  }
  if (kind != handshake::plain) {
    c1_[4] = 9;  // Flash Player 9 or later: looks for digests
    const auto offset = rtmp::digest_offset(block_at(c1_, 0), layout_of(kind));
    const auto digest = rtmp::block_digest(block_at(c1_, 0), offset, rtmp::client_key());
    std::ranges::copy(digest, c1_.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  out_.u8(3);
  out_.append(c1_);
}

bool rtmp_client::handshake_done() const {
  return received_.size() == 1 + 2 * handshake_block_size;
}

void rtmp_client::verify_handshake() {
  const auto s1 = block_at(received_, 1);
  const auto s2 = block_at(received_, 1 + handshake_block_size);
  if (kind_ == handshake::plain) {
    verified_ = received_[0] == 3 && std::ranges::equal(s2, c1_);
    return;
  }
  const auto offset = rtmp::digest_offset(s1, layout_of(kind_));
  const auto expected = rtmp::block_digest(s1, offset, rtmp::server_key());
  const auto ours = byte_view(c1_).subspan(rtmp::digest_offset(block_at(c1_, 0), layout_of(kind_)),
                                           expected.size());
  const auto key = rtmp::hmac_sha256(rtmp::server_full_key(), ours);
  const auto signature = rtmp::hmac_sha256(key, s2.first(handshake_block_size - 32));
  verified_ = std::ranges::equal(s1.subspan(offset, 32), expected) &&
              std::ranges::equal(s2.last(32), signature);
}

result<void> rtmp_client::feed(byte_view data) {
  if (!handshake_done()) {
    const auto missing = 1 + 2 * handshake_block_size - received_.size();
    const auto taken = data.first(std::min(missing, data.size()));
    received_.insert(received_.end(), taken.begin(), taken.end());
    data = data.subspan(taken.size());
    if (!handshake_done()) {
      return {};
    }
    verify_handshake();
    out_.append(byte_view(received_).subspan(1, handshake_block_size));  // C2 is S1
    if (target_) {
      send_connect(*target_);
    }
  }
  while (true) {
    auto m = reader_.read(data);
    if (!m) {
      return fail(m.error());
    }
    if (!*m) {
      return {};
    }
    on_message(std::move(**m));
  }
}

void rtmp_client::on_message(rtmp::message m) {
  if (m.type != rtmp::message_type::command_amf0) {
    controls_.push_back(std::move(m));
    return;
  }
  auto values = rtmp::amf0::decode_all(m.payload.view());
  if (!values || values->size() < 2 || (*values)[0].text() == nullptr) {
    return;
  }
  command c{.name = *(*values)[0].text(),
            .transaction = (*values)[1].number() == nullptr ? 0 : *(*values)[1].number(),
            .stream = m.stream,
            .values = {values->begin() + 2, values->end()}};
  if (target_) {
    go_on(c);
  }
  commands_.push_back(std::move(c));
}

void rtmp_client::go_on(const command& c) {
  if (c.name == "_result" && c.transaction == connect_transaction) {
    send_command(0, {"releaseStream", 2.0, null{}, target_->key});
    send_command(0, {"FCPublish", 3.0, null{}, target_->key});
    send_command(0, {"createStream", create_stream_transaction, null{}});
  } else if (c.name == "_result" && c.transaction == create_stream_transaction &&
             c.values.size() > 1 && c.values[1].number() != nullptr) {
    stream_ = static_cast<std::uint32_t>(*c.values[1].number());
    send_command(stream_, {"publish", 5.0, null{}, target_->key, "live"});
  } else if (c.name == "onStatus" && c.code() == "NetStream.Publish.Start") {
    is_publishing_ = true;
  }
}

void rtmp_client::publish(target t) {
  target_ = std::move(t);
  if (handshake_done()) {
    send_connect(*target_);
  }
}

std::optional<rtmp_client::command> rtmp_client::next_command() {
  if (commands_.empty()) {
    return std::nullopt;
  }
  auto next = std::move(commands_.front());
  commands_.pop_front();
  return next;
}

std::optional<rtmp::message> rtmp_client::next_control() {
  if (controls_.empty()) {
    return std::nullopt;
  }
  auto next = std::move(controls_.front());
  controls_.pop_front();
  return next;
}

void rtmp_client::send(const rtmp::message& m, chunk_style style) {
  if (style.chunk_size == rtmp::default_chunk_size) {
    style.chunk_size = chunk_size_;
  }
  append_chunks(out_, m, style);
}

void rtmp_client::send_command(std::uint32_t stream, const std::vector<value>& values) {
  send({.type = rtmp::message_type::command_amf0,
        .chunk_stream = 3,
        .stream = stream,
        .timestamp = 0,
        .payload = shared_bytes(rtmp::amf0::encode_all(values))});
}

void rtmp_client::send_control(rtmp::message_type type, std::uint32_t v) {
  byte_writer payload;
  payload.u32(v);
  send({.type = type,
        .chunk_stream = 2,
        .stream = 0,
        .timestamp = 0,
        .payload = shared_bytes(payload.take())});
}

void rtmp_client::set_chunk_size(std::uint32_t size) {
  send_control(rtmp::message_type::set_chunk_size, size);
  chunk_size_ = size;
}

void rtmp_client::send_connect(const target& t) {
  object properties{{{"app", t.app},
                     {"type", "nonprivate"},
                     {"flashVer", "FMLE/3.0 (compatible; troupe-test)"},
                     {"tcUrl", t.tc_url}}};
  if (t.is_enhanced) {
    properties.members.emplace_back("fourCcList", rtmp::amf0::strict_array{{"*"}});
    properties.members.emplace_back("capsEx", 1.0);  // Reconnect
  }
  send_command(0, {"connect", connect_transaction, std::move(properties)});
}

void rtmp_client::send_video(std::uint32_t timestamp, bytes body) {
  send({.type = rtmp::message_type::video,
        .chunk_stream = 6,
        .stream = stream_,
        .timestamp = timestamp,
        .payload = shared_bytes(std::move(body))});
}

void rtmp_client::send_audio(std::uint32_t timestamp, bytes body) {
  send({.type = rtmp::message_type::audio,
        .chunk_stream = 4,
        .stream = stream_,
        .timestamp = timestamp,
        .payload = shared_bytes(std::move(body))});
}

void rtmp_client::send_metadata(rtmp::amf0::properties values) {
  send({.type = rtmp::message_type::data_amf0,
        .chunk_stream = 4,
        .stream = stream_,
        .timestamp = 0,
        .payload = shared_bytes(rtmp::amf0::encode_all(
            {"@setDataFrame", "onMetaData", rtmp::amf0::ecma_array{std::move(values)}}))});
}

void rtmp_client::send_end() {
  const std::string key = target_ ? target_->key : "key";
  send_command(0, {"FCUnpublish", 6.0, null{}, key});
  send_command(0, {"deleteStream", 7.0, null{}, static_cast<double>(stream_)});
}

}  // namespace troupe::test
