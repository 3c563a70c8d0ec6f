// SPDX-License-Identifier: GPL-3.0-or-later
// Frames as gRPC carries them, without a copy where one can be spared. Thread: pure functions.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "base/result.hpp"
#include "runtime/link/frame.hpp"

namespace troupe::runtime::detail {

/// The one method there is (link.proto).
constexpr auto link_method = "/troupe.link.v1.Link/Open";

/// The frame's memory becomes the buffer's.
grpc::ByteBuffer to_buffer(link_frame frame);
result<link_frame> from_buffer(grpc::ByteBuffer& buffer);

}  // namespace troupe::runtime::detail
