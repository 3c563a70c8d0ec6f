// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/frame.hpp"

#include <algorithm>

namespace troupe::ws {
namespace {

constexpr std::size_t largest_control = 125;  // RFC 6455 5.5
constexpr std::uint8_t final_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_of_16 = 126;
constexpr std::uint8_t length_of_64 = 127;

bool is_known(std::uint8_t code) {
  return code <= 0x2 || (code >= 0x8 && code <= 0xA);
}

/// RFC 6455 7.4: what may stand in a close frame.
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

}  // namespace

std::size_t header_size(std::size_t payload) {
  if (payload < length_of_16) {
    return 2;
  }
  return payload <= 0xFFFF ? 4 : 10;
}

void append_header(bytes& out, opcode kind, std::size_t payload) {
  out.push_back(static_cast<std::uint8_t>(final_bit | static_cast<std::uint8_t>(kind)));
  const auto size = header_size(payload);
  if (size == 2) {
    out.push_back(static_cast<std::uint8_t>(payload));
    return;
  }
  out.push_back(size == 4 ? length_of_16 : length_of_64);
  for (auto shift = 8 * (size - 2); shift > 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>((payload >> (shift - 8)) & 0xFF));
  }
}

shared_bytes encode_frame(opcode kind, byte_view payload) {
  bytes out;
  out.reserve(header_size(payload.size()) + payload.size());
  append_header(out, kind, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return shared_bytes(std::move(out));
}

shared_bytes encode_text(std::string_view text) {
  return encode_frame(opcode::text, as_bytes(text));
}

shared_bytes encode_close(close_code code, std::string_view reason) {
  const auto number = static_cast<std::uint16_t>(code);
  bytes payload{static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xFF)};
  const auto text = as_bytes(reason.substr(0, largest_control - payload.size()));
  payload.insert(payload.end(), text.begin(), text.end());
  return encode_frame(opcode::close, payload);
}

std::size_t frame_reader::put(byte_view data) {
  if (now_ == state::failed) {
    return data.size();
  }
  begin_next();
  const auto all = data.size();
  while (!data.empty() && now_ == state::more) {
    if (!header_done_) {
      const auto count = std::min(header_needed() - have_, data.size());
      std::ranges::copy(data.first(count), head_.begin() + have_);
      have_ = static_cast<std::uint8_t>(have_ + count);
      data = data.subspan(count);
      if (have_ == 2) {
        on_first_two();
      }
      if (now_ == state::more && have_ == header_needed()) {
        on_header();
      }
    } else {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size()));
      if (take_payload(data.first(count)) && left_ == 0) {
        on_frame_end();
      }
      data = data.subspan(count);
    }
  }
  return all - data.size();
}

/// Lets go of what the last put() completed.
void frame_reader::begin_next() {
  if (now_ == state::more) {
    return;
  }
  if (now_ == state::text) {
    message_ = {};  // an idle socket holds no buffer
  }
  control_ = {};
  now_ = state::more;
}

std::size_t frame_reader::header_needed() const {
  if (have_ < 2) {
    return 2;
  }
  const auto length = head_[1] & 0x7F;
  if (length == length_of_16) {
    return 8;
  }
  return length == length_of_64 ? 14 : 6;
}

/// What is wrong is told as early as it can be seen.
void frame_reader::on_first_two() {
  ++frames_;
  const auto code = static_cast<std::uint8_t>(head_[0] & 0x0F);
  const auto length = head_[1] & 0x7F;
  const bool is_final = (head_[0] & final_bit) != 0;
  const bool is_bad_control =
      is_control() && (!is_final || length > static_cast<int>(largest_control));
  const bool is_out_of_order =
      !is_control() && (static_cast<opcode>(code) == opcode::continuation) != in_message_;
  if ((head_[0] & reserved_bits) != 0 || !is_known(code) || (head_[1] & mask_bit) == 0 ||
      is_bad_control || is_out_of_order) {
    fail(close_code::protocol_error);
  }
}

void frame_reader::on_header() {
  const auto short_length = static_cast<std::size_t>(head_[1] & 0x7F);
  std::uint64_t length = short_length;
  if (short_length >= length_of_16) {
    length = 0;
    for (std::size_t i = 2; i + 4 < have_; ++i) {
      length = (length << 8) | head_[i];
    }
    const auto least = short_length == length_of_16 ? std::uint64_t{length_of_16} : 0x10000U;
    if (length < least || (length >> 63) != 0) {  // RFC 6455 5.2: the shortest form
      fail(close_code::protocol_error);
      return;
    }
  }
  if (!is_control()) {
    if (static_cast<opcode>(head_[0] & 0x0F) == opcode::binary) {
      fail(close_code::not_text);
      return;
    }
    in_message_ = (head_[0] & final_bit) == 0;
    if (length > limit_ - std::min(limit_, message_.size())) {
      fail(close_code::too_big);
      return;
    }
  }
  header_done_ = true;
  mask_at_ = 0;
  left_ = length;
  if (left_ == 0) {
    on_frame_end();
  }
}

bool frame_reader::take_payload(byte_view masked) {
  auto& into = is_control() ? control_ : message_;
  const auto start = into.size();
  const auto* mask = head_.data() + have_ - 4;
  for (const auto byte : masked) {
    into.push_back(byte ^ mask[mask_at_]);
    mask_at_ = (mask_at_ + 1) & 3;
  }
  left_ -= masked.size();
  if (!is_control() && !utf8_.put(byte_view(into).subspan(start))) {
    fail(close_code::not_utf8);
    return false;
  }
  return true;
}

void frame_reader::on_frame_end() {
  header_done_ = false;
  have_ = 0;
  switch (static_cast<opcode>(head_[0] & 0x0F)) {
    case opcode::ping:
      now_ = state::ping;
      return;
    case opcode::pong:
      now_ = state::pong;
      return;
    case opcode::close:
      on_close();
      return;
    default:
      break;
  }
  if (in_message_) {
    return;  // fragments follow
  }
  if (!utf8_.is_complete()) {
    fail(close_code::not_utf8);
    return;
  }
  utf8_.reset();
  now_ = state::text;
}

void frame_reader::on_close() {
  if (control_.empty()) {
    now_ = state::close;
    return;
  }
  byte_reader in(control_);
  const auto code = in.u16();
  if (!in.ok() || !may_be_sent(code)) {
    fail(close_code::protocol_error);
  } else if (!is_utf8(in.rest())) {
    fail(close_code::not_utf8);
  } else {
    peer_code_ = code;
    now_ = state::close;
  }
}

void frame_reader::fail(close_code why) {
  failure_ = why;
  now_ = state::failed;
  message_ = {};
  control_ = {};
}

}  // namespace troupe::ws
