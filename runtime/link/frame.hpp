// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of link.proto's Frame. Written and read here instead of by generated code because a
// body then is copied once, from the receive buffer, and not at all on its way out.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "runtime/link/link.hpp"

namespace google::protobuf::io {
class ZeroCopyInputStream;
}

namespace troupe::runtime::detail {

/// What a kind that this version does not know is handed on as.
constexpr auto unknown_kind = static_cast<envelope_kind>(255);

struct link_hello {
  std::string node;
  std::uint32_t stream = 0;

  friend bool operator==(const link_hello&, const link_hello&) = default;
};

struct link_frame {
  std::optional<link_hello> hello;
  std::vector<envelope> envelopes;
};

/// **Shape**: the frame is the pieces one after the other; large bodies are pieces of their own.
std::vector<bytes> encode_frame(link_frame frame);

/// size: all that in holds. Errors: data_corrupt; too_large for a body over largest_envelope.
result<link_frame> decode_frame(google::protobuf::io::ZeroCopyInputStream& in, std::size_t size);
result<link_frame> decode_frame(byte_view data);

/// What an envelope counts for against a bound in bytes: what it holds and about what its parts
/// cost beside.
std::size_t weight(const envelope& e);

}  // namespace troupe::runtime::detail
