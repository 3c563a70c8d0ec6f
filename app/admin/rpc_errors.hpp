// SPDX-License-Identifier: GPL-3.0-or-later
// troupe::error over gRPC and back: the class as a status code, the reason in the details.
// Thread: pure functions.
#pragma once

#include <grpcpp/support/status.h>

#include "base/error.hpp"

namespace troupe::admin {

grpc::Status to_rpc(const error& e);
/// s: not ok.
error from_rpc(const grpc::Status& s);

/// As runtime/link/rpc_log.hpp has it: what an operator has to know comes as an error value.
void redirect_rpc_log();

}  // namespace troupe::admin
