// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/chunk_reader.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace troupe::rtmp {

namespace {

constexpr std::array<std::size_t, 4> message_header_sizes{11, 7, 3, 0};

std::unexpected<error> protocol_error(std::string message) {
  return fail(errc::invalid_argument, "rtmp_protocol", std::move(message));
}

std::unexpected<error> limit_error(std::string message) {
  return fail(errc::too_large, "rtmp_limit", std::move(message));
}

/// What a type 3 header adds when it begins the message after a type 0 one. The specification
/// (5.3.1.2.4) says: that message's timestamp, and ffmpeg sends it so. GStreamer and librtmp mean
/// "the same time again". An hour into a stream only the latter makes sense; in its first second
/// the former does.
std::uint32_t delta_after_absolute(std::uint32_t timestamp) {
  constexpr std::uint32_t plausible_gap_ms = 1000;
  return timestamp <= plausible_gap_ms ? timestamp : 0;
}

}  // namespace

chunk_reader::chunk_reader(chunk_limits limits) : limits_(limits) {}

result<std::optional<message>> chunk_reader::read(byte_view& input) {
  while (replay_size_ > 0 || !input.empty()) {
    auto done = [&]() -> result<std::optional<message>> {
      if (replay_size_ == 0) {
        return step(input);
      }
      const auto again = replay_;
      byte_view left(again.data(), replay_size_);
      replay_size_ = 0;
      auto stepped = step(left);  // may put back what it took: never more than it was given
      for (const auto b : left) {
        replay_[replay_size_++] = b;
      }
      return stepped;
    }();
    if (!done || *done) {
      return done;
    }
  }
  return std::nullopt;
}

result<std::optional<message>> chunk_reader::step(byte_view& input) {
  switch (phase_) {
    case phase::header:
      return read_header(input);
    case phase::repeated_timestamp:
      return read_repeated_timestamp(input);
    case phase::payload:
      break;
  }
  return read_payload(input);
}

std::size_t chunk_reader::basic_header_size() const {
  switch (header_[0] & 0x3F) {
    case 0:
      return 2;
    case 1:
      return 3;
    default:
      return 1;
  }
}

/// How many bytes of header_ the bytes so far call for.
std::size_t chunk_reader::header_size_needed() const {
  if (header_size_ == 0) {
    return 1;
  }
  const auto basic = basic_header_size();
  const auto type = header_[0] >> 6;
  const auto size = basic + message_header_sizes[static_cast<std::size_t>(type)];
  if (type == 3 || header_size_ < basic + 3) {
    return size;
  }
  byte_reader field(byte_view(header_).subspan(basic));
  return field.u24() == extended_timestamp_mark ? size + 4 : size;
}

result<std::optional<message>> chunk_reader::read_header(byte_view& input) {
  while (header_size_ < header_size_needed()) {
    const auto count = std::min(header_size_needed() - header_size_, input.size());
    if (count == 0) {
      return std::nullopt;
    }
    std::copy_n(input.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += count;
    input = input.subspan(count);
  }
  if (auto begun = begin_chunk(); !begun) {
    return fail(begun.error());
  }
  header_size_ = 0;
  if (phase_ == phase::repeated_timestamp) {
    return std::nullopt;
  }
  return begin_payload();
}

result<chunk_reader::chunk_stream*> chunk_reader::find_stream(std::uint32_t id, unsigned type) {
  if (current_ < streams_.size() && streams_[current_].id == id) {
    return &streams_[current_];
  }
  for (current_ = 0; current_ < streams_.size(); ++current_) {
    if (streams_[current_].id == id) {
      return &streams_[current_];
    }
  }
  // Some encoders begin with a type 1 header, which lacks nothing but the message stream.
  if (type > 1) {
    return protocol_error(fmt::format("chunk stream {} begins with a type {} header", id, type));
  }
  if (streams_.size() >= limits_.chunk_streams) {
    return limit_error(fmt::format("more than {} chunk streams", limits_.chunk_streams));
  }
  streams_.emplace_back();
  streams_.back().id = id;
  return &streams_.back();
}

result<void> chunk_reader::begin_chunk() {
  byte_reader fields(byte_view(header_.data(), header_size_));
  const unsigned first = fields.u8();
  const unsigned type = first >> 6;
  std::uint32_t id = first & 0x3F;
  if (id == 0) {
    id = 64U + fields.u8();
  } else if (id == 1) {
    id = 64U + fields.u8();  // low byte first (5.3.1.1)
    id += 256U * fields.u8();
  }
  const auto stream = find_stream(id, type);
  if (!stream) {
    return fail(stream.error());
  }
  if (type != 3) {
    return begin_full_chunk(type, fields);
  }
  if ((*stream)->has_extended) {
    phase_ = phase::repeated_timestamp;
    return {};
  }
  return begin_message();
}

/// Types 0 to 2: they begin a message.
result<void> chunk_reader::begin_full_chunk(unsigned type, byte_reader fields) {
  auto& stream = streams_[current_];
  if (stream.in_message) {
    abandon(stream);
  }
  std::uint32_t time = fields.u24();
  if (type <= 1) {
    stream.length = fields.u24();
    stream.type = static_cast<message_type>(fields.u8());
  }
  if (type == 0) {
    const auto little_endian = fields.take(4);
    stream.stream = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      stream.stream |= std::uint32_t{little_endian[i]} << (8 * i);
    }
  }
  stream.has_extended = time == extended_timestamp_mark;
  if (stream.has_extended) {
    time = stream.extended = fields.u32();
  }
  if (type == 0) {
    // begin_message() adds delta
    stream.timestamp = 0;
  }
  stream.delta = time;
  if (auto begun = begin_message(); !begun) {
    return begun;
  }
  if (type == 0) {
    stream.delta = delta_after_absolute(time);
  }
  return {};
}

/// Also called for type 3 chunks that go on with a message: nothing to do then.
result<void> chunk_reader::begin_message() {
  auto& stream = streams_[current_];
  phase_ = phase::payload;
  if (stream.in_message) {
    return {};
  }
  const auto limit = is_media(stream.type) ? limits_.media_message : limits_.other_message;
  if (stream.length > limit) {
    return limit_error(fmt::format("a message of type {} with {} bytes, the limit is {}",
                                   static_cast<unsigned>(stream.type), stream.length, limit));
  }
  if (stream.length > limits_.unfinished_total - std::min(limits_.unfinished_total, unfinished_)) {
    return limit_error(
        fmt::format("unfinished messages of more than {} bytes", limits_.unfinished_total));
  }
  unfinished_ += stream.length;
  stream.timestamp += stream.delta;
  stream.in_message = true;
  stream.payload = {};
  stream.payload.reserve(stream.length);
  return {};
}

result<std::optional<message>> chunk_reader::begin_payload() {
  const auto& stream = streams_[current_];
  chunk_left_ = std::min<std::size_t>(chunk_size_, stream.length - stream.payload.size());
  phase_ = phase::payload;
  if (chunk_left_ == 0) {  // an empty message
    return finish_message();
  }
  return std::nullopt;
}

/// The specification repeats the extended timestamp in type 3 chunks (5.3.1.3); some peers do not.
/// The four bytes are it when they say the same as the header did, or the message's time.
result<std::optional<message>> chunk_reader::read_repeated_timestamp(byte_view& input) {
  auto& stream = streams_[current_];
  const auto is_start_of = [&](std::uint32_t value) {
    for (std::size_t i = 0; i < header_size_; ++i) {
      if (header_[i] != static_cast<std::uint8_t>(value >> (24 - 8 * i))) {
        return false;
      }
    }
    return true;
  };
  bool repeated = true;
  while (repeated && header_size_ < 4) {
    if (input.empty()) {
      return std::nullopt;
    }
    header_[header_size_++] = input.front();
    input = input.subspan(1);
    repeated = is_start_of(stream.extended) || is_start_of(stream.timestamp);
  }
  if (!repeated) {
    std::copy_n(header_.begin(), header_size_, replay_.begin());
    replay_size_ = header_size_;
  }
  header_size_ = 0;
  if (auto begun = begin_message(); !begun) {
    return fail(begun.error());
  }
  return begin_payload();
}

result<std::optional<message>> chunk_reader::read_payload(byte_view& input) {
  auto& stream = streams_[current_];
  const auto count = std::min(chunk_left_, input.size());
  stream.payload.insert(stream.payload.end(), input.begin(),
                        input.begin() + static_cast<std::ptrdiff_t>(count));
  input = input.subspan(count);
  chunk_left_ -= count;
  if (chunk_left_ > 0) {
    return std::nullopt;
  }
  phase_ = phase::header;
  if (stream.payload.size() < stream.length) {
    return std::nullopt;
  }
  return finish_message();
}

result<std::optional<message>> chunk_reader::finish_message() {
  auto& stream = streams_[current_];
  phase_ = phase::header;
  stream.in_message = false;
  unfinished_ -= stream.length;
  message whole{.type = stream.type,
                .chunk_stream = stream.id,
                .stream = stream.stream,
                .timestamp = stream.timestamp,
                .payload = shared_bytes(std::move(stream.payload))};
  stream.payload = {};
  if (whole.type == message_type::set_chunk_size || whole.type == message_type::abort) {
    return obey(whole);
  }
  return whole;
}

result<std::optional<message>> chunk_reader::obey(const message& control) {
  byte_reader fields(control.payload.view());
  const auto value = fields.u32();
  if (!fields.ok()) {
    return protocol_error("a protocol control message of less than 4 bytes");
  }
  if (control.type == message_type::set_chunk_size) {
    if (value == 0 || value > 0x7FFFFFFF) {  // 5.4.1
      return protocol_error(fmt::format("a chunk size of {}", value));
    }
    chunk_size_ = value;
    return std::nullopt;
  }
  const auto aborted = std::ranges::find(streams_, value, &chunk_stream::id);
  if (aborted != streams_.end() && aborted->in_message) {
    abandon(*aborted);
  }
  return std::nullopt;
}

void chunk_reader::abandon(chunk_stream& stream) {
  stream.in_message = false;
  stream.payload = {};
  unfinished_ -= stream.length;
  ++abandoned_;
}

}  // namespace troupe::rtmp
