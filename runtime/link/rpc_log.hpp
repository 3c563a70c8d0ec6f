// SPDX-License-Identifier: GPL-3.0-or-later
// Where gRPC's own lines go. Thread: any.
#pragma once

namespace troupe::runtime {

/// To our log at debug, but for handshakes that failed: those are a peer that may be none, or an
/// operator's certificate that is wrong, and gRPC tells of them nowhere else. One of each a minute.
void redirect_rpc_log();

}  // namespace troupe::runtime
