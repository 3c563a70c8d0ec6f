// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/grpc_buffer.hpp"

#include <memory>
#include <utility>
#include <vector>

#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/slice.h>

namespace troupe::runtime::detail {
namespace {

grpc::Slice adopt(bytes piece) {
  auto owned = std::make_unique<bytes>(std::move(piece));
  auto* held = owned.release();  // freed by the slice's last user
  return {held->data(), held->size(), [](void* b) { delete static_cast<bytes*>(b); }, held};
}

}  // namespace

grpc::ByteBuffer to_buffer(link_frame frame) {
  auto pieces = encode_frame(std::move(frame));
  std::vector<grpc::Slice> slices;
  slices.reserve(pieces.size());
  for (auto& piece : pieces) {
    slices.push_back(adopt(std::move(piece)));
  }
  return {slices.data(), slices.size()};
}

result<link_frame> from_buffer(grpc::ByteBuffer& buffer) {
  grpc::ProtoBufferReader in(&buffer);
  if (!in.status().ok()) {
    return fail(errc::data_corrupt, in.status().error_message());
  }
  return decode_frame(in, buffer.Length());
}

}  // namespace troupe::runtime::detail
