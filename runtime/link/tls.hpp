// SPDX-License-Identifier: GPL-3.0-or-later
// Certificates between nodes: what gRPC is given to dial and to accept with, and a look at the
// files before, so that an operator reads a sentence and not a handshake's number.
// Thread: pure functions; they read files.
#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include "base/result.hpp"
#include "runtime/link/grpc_link.hpp"

namespace troupe::runtime::detail {

struct link_credentials {
  std::shared_ptr<grpc::ChannelCredentials> to_dial;
  std::shared_ptr<grpc::ServerCredentials> to_accept;
};

/// Mutual TLS 1.3 and nothing below; the files are watched.
link_credentials make_credentials(const link_certificates& files);
link_credentials make_plain_credentials();

/// Errors: invalid_argument, with the file and what is expected of it.
result<void> check_certificates(const link_certificates& files, const std::string& node);

}  // namespace troupe::runtime::detail
