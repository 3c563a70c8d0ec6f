// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/admin/rpc_errors.hpp"

#include <algorithm>
#include <array>

#include "runtime/link/rpc_log.hpp"

namespace troupe::admin {
namespace {

struct pair {
  errc ours;
  grpc::StatusCode theirs;
};

// Each value once on either side, so that an error comes back as what it was.
constexpr std::array pairs = {
    pair{errc::invalid_argument, grpc::INVALID_ARGUMENT},
    pair{errc::unauthenticated, grpc::UNAUTHENTICATED},
    pair{errc::forbidden, grpc::PERMISSION_DENIED},
    pair{errc::not_found, grpc::NOT_FOUND},
    pair{errc::conflict, grpc::ALREADY_EXISTS},
    pair{errc::too_large, grpc::OUT_OF_RANGE},
    pair{errc::rate_limited, grpc::RESOURCE_EXHAUSTED},
    pair{errc::unavailable, grpc::UNAVAILABLE},
    pair{errc::deadline_exceeded, grpc::DEADLINE_EXCEEDED},
    pair{errc::unsupported, grpc::UNIMPLEMENTED},
    pair{errc::data_corrupt, grpc::DATA_LOSS},
    pair{errc::internal, grpc::INTERNAL},
};

}  // namespace

grpc::Status to_rpc(const error& e) {
  const auto found = std::ranges::find(pairs, e.code, &pair::ours);
  return {found == pairs.end() ? grpc::INTERNAL : found->theirs, e.message, e.reason};
}

error from_rpc(const grpc::Status& s) {
  const auto found = std::ranges::find(pairs, s.error_code(), &pair::theirs);
  const auto code = found == pairs.end() ? errc::internal : found->ours;
  if (s.error_details().empty()) {
    return make_error(code, s.error_message());
  }
  return make_error(code, s.error_details(), s.error_message());
}

void redirect_rpc_log() {
  runtime::redirect_rpc_log();  // one function for the whole process: gRPC has one place for it
}

}  // namespace troupe::admin
