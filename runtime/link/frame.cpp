// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/frame.hpp"

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

namespace troupe::runtime::detail {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Field numbers of link.proto.
enum frame_field : std::uint32_t { frame_hello = 1, frame_envelopes = 2 };

enum hello_field : std::uint32_t { hello_node = 1, hello_stream = 2 };

enum envelope_field : std::uint32_t {
  envelope_kind_field = 1,
  envelope_target,
  envelope_type,
  envelope_version,
  envelope_session_run,
  envelope_session_number,
  envelope_number,
  envelope_floor,
  envelope_epoch,
  envelope_from,
  envelope_to,
  envelope_body,
};

// Protocol buffers, "Encoding": wire types.
constexpr std::uint32_t varint = 0;
constexpr std::uint32_t length_delimited = 2;

constexpr std::uint32_t tag(std::uint32_t field, std::uint32_t type) {
  return field << 3U | type;
}

// Below it, copying costs less than a slice of its own.
constexpr std::size_t smallest_own_piece = 1024;
// Counted per envelope for what it costs in memory beside its texts and body.
constexpr std::size_t envelope_overhead = 128;
// Of one frame; ours hold a few hundred. Bounds what two bytes each on the wire cost in memory.
constexpr std::size_t most_envelopes = 16'384;

void put_varint(bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7U;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_number(bytes& out, std::uint32_t field, std::uint64_t value) {
  if (value != 0) {
    put_varint(out, tag(field, varint));
    put_varint(out, value);
  }
}

void put_text(bytes& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) {
    put_varint(out, tag(field, length_delimited));
    put_varint(out, text.size());
    out.insert(out.end(), text.begin(), text.end());
  }
}

/// Everything but the body's own bytes.
void put_head(bytes& out, const envelope& e) {
  const auto kind = static_cast<std::uint64_t>(e.kind);
  put_number(out, envelope_kind_field, e.kind == unknown_kind ? 0 : kind + 1);
  put_text(out, envelope_target, e.target);
  put_text(out, envelope_type, e.type);
  put_number(out, envelope_version, e.version);
  put_number(out, envelope_session_run, e.session.run);
  put_number(out, envelope_session_number, e.session.number);
  put_number(out, envelope_number, e.number);
  put_number(out, envelope_floor, e.floor);
  put_number(out, envelope_epoch, e.epoch);
  put_number(out, envelope_from, e.from_incarnation);
  put_number(out, envelope_to, e.to_incarnation);
  if (!e.body.empty()) {
    put_varint(out, tag(envelope_body, length_delimited));
    put_varint(out, e.body.size());
  }
}

/// Reads the fields of one message; on(field, type) reads one it knows and says whether it did.
/// False when the bytes are wrong.
template <class OnField>
bool read_fields(CodedInputStream& in, OnField on) {
  while (const auto next = in.ReadTag()) {
    bool is_known = false;
    if (!on(next, is_known)) {
      return false;
    }
    if (!is_known && !WireFormatLite::SkipField(&in, next)) {
      return false;
    }
  }
  return in.ConsumedEntireMessage();
}

/// A length that the bytes left can hold.
bool read_length(CodedInputStream& in, int& length) {
  return in.ReadVarintSizeAsInt(&length) && length <= in.BytesUntilLimit();
}

bool read_text(CodedInputStream& in, std::string& out) {
  int length = 0;
  return read_length(in, length) && in.ReadString(&out, length);
}

bool read_body(CodedInputStream& in, bytes& out, bool& is_too_large) {
  int length = 0;
  if (!read_length(in, length)) {
    return false;
  }
  if (static_cast<std::size_t>(length) > largest_envelope) {
    is_too_large = true;
    return false;
  }
  out.resize(static_cast<std::size_t>(length));
  return in.ReadRaw(out.data(), length);
}

template <class Read>
bool read_message(CodedInputStream& in, Read read) {
  int length = 0;
  if (!read_length(in, length)) {
    return false;
  }
  const auto outer = in.PushLimit(length);
  if (!read()) {
    return false;
  }
  in.PopLimit(outer);
  return true;
}

bool read_hello(CodedInputStream& in, link_hello& out) {
  return read_fields(in, [&](std::uint32_t next, bool& is_known) {
    switch (next) {
      case tag(hello_node, length_delimited):
        is_known = true;
        return read_text(in, out.node);
      case tag(hello_stream, varint):
        is_known = true;
        return in.ReadVarint32(&out.stream);
      default:
        return true;
    }
  });
}

/// The number's place in e, for the fields that are one.
std::uint64_t* number_of(envelope& e, std::uint32_t next) {
  switch (next) {
    case tag(envelope_session_run, varint):
      return &e.session.run;
    case tag(envelope_session_number, varint):
      return &e.session.number;
    case tag(envelope_number, varint):
      return &e.number;
    case tag(envelope_floor, varint):
      return &e.floor;
    case tag(envelope_epoch, varint):
      return &e.epoch;
    case tag(envelope_from, varint):
      return &e.from_incarnation;
    case tag(envelope_to, varint):
      return &e.to_incarnation;
    default:
      return nullptr;
  }
}

bool read_kind(CodedInputStream& in, envelope_kind& out) {
  std::uint64_t value = 0;
  if (!in.ReadVarint64(&value)) {
    return false;
  }
  const bool fits = value > 0 && value <= std::numeric_limits<std::uint8_t>::max();
  out = fits ? static_cast<envelope_kind>(value - 1) : unknown_kind;
  return true;
}

bool read_envelope(CodedInputStream& in, envelope& out, bool& is_too_large) {
  out.kind = unknown_kind;
  return read_fields(in, [&](std::uint32_t next, bool& is_known) {
    is_known = true;
    if (auto* number = number_of(out, next)) {
      return in.ReadVarint64(number);
    }
    switch (next) {
      case tag(envelope_kind_field, varint):
        return read_kind(in, out.kind);
      case tag(envelope_target, length_delimited):
        return read_text(in, out.target);
      case tag(envelope_type, length_delimited):
        return read_text(in, out.type);
      case tag(envelope_version, varint):
        return in.ReadVarint32(&out.version);
      case tag(envelope_body, length_delimited):
        return read_body(in, out.body, is_too_large);
      default:
        is_known = false;
        return true;
    }
  });
}

}  // namespace

std::vector<bytes> encode_frame(link_frame frame) {
  std::vector<bytes> pieces(1);
  bytes head;
  if (frame.hello) {
    put_text(head, hello_node, frame.hello->node);
    put_number(head, hello_stream, frame.hello->stream);
    put_varint(pieces.back(), tag(frame_hello, length_delimited));
    put_varint(pieces.back(), head.size());
    pieces.back().insert(pieces.back().end(), head.begin(), head.end());
  }
  for (auto& e : frame.envelopes) {
    head.clear();
    put_head(head, e);
    auto& out = pieces.back();
    put_varint(out, tag(frame_envelopes, length_delimited));
    put_varint(out, head.size() + e.body.size());
    out.insert(out.end(), head.begin(), head.end());
    if (e.body.size() < smallest_own_piece) {
      out.insert(out.end(), e.body.begin(), e.body.end());
    } else {
      pieces.push_back(std::move(e.body));
      pieces.emplace_back();
    }
  }
  if (pieces.back().empty() && pieces.size() > 1) {
    pieces.pop_back();
  }
  return pieces;
}

result<link_frame> decode_frame(google::protobuf::io::ZeroCopyInputStream& in, std::size_t size) {
  if (size > std::size_t{std::numeric_limits<int>::max()}) {
    return fail(errc::too_large, "a frame of over 2 GiB");
  }
  CodedInputStream coded(&in);
  coded.PushLimit(static_cast<int>(size));  // so that no length inside can claim more
  link_frame frame;
  bool is_too_large = false;
  const bool read = read_fields(coded, [&](std::uint32_t next, bool& is_known) {
    is_known = true;
    switch (next) {
      case tag(frame_hello, length_delimited):
        return read_message(coded, [&] {
          return read_hello(coded, frame.hello ? *frame.hello : frame.hello.emplace());
        });
      case tag(frame_envelopes, length_delimited):
        return frame.envelopes.size() < most_envelopes &&
               read_message(
                   coded,
                   [&] {
                     return read_envelope(coded, frame.envelopes.emplace_back(), is_too_large);
                   });
      default:
        is_known = false;
        return true;
    }
  });
  if (is_too_large) {
    return fail(errc::too_large, "a body that is larger than any this node takes");
  }
  if (!read) {
    return fail(errc::data_corrupt, "bytes that are no frame");
  }
  return frame;
}

result<link_frame> decode_frame(byte_view data) {
  if (data.size() > std::size_t{std::numeric_limits<int>::max()}) {
    return fail(errc::too_large, "a frame of over 2 GiB");
  }
  google::protobuf::io::ArrayInputStream in(data.data(), static_cast<int>(data.size()));
  return decode_frame(in, data.size());
}

std::size_t weight(const envelope& e) {
  return envelope_overhead + e.target.size() + e.type.size() + e.body.size();
}

}  // namespace troupe::runtime::detail
