// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/rpc_log.hpp"

#include <string>
#include <string_view>

#include <grpc/support/log.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/repeat_filter.hpp"

namespace troupe::runtime {
namespace {

// By the place in gRPC they come from, so a few.
constexpr std::size_t most_kinds = 16;

/// ssl_transport_security.cc says so on either side when certificates or versions do not fit.
bool is_failed_handshake(std::string_view line) {
  return line.find("andshake failed") != std::string_view::npos;
}

void write_line(gpr_log_func_args* line) {
  static repeat_filter said(std::chrono::minutes(1), most_kinds);
  if (is_failed_handshake(line->message)) {
    const auto where = std::string(line->file) + std::to_string(line->line);
    if (const auto quiet = said.admit(where, system_clock().now())) {
      log::warn("a TLS handshake on the cluster port failed reason=\"{}\" suppressed={}",
                line->message, *quiet);
    }
    return;
  }
  log::debug("grpc severity={} {}", static_cast<int>(line->severity), line->message);
}

}  // namespace

void redirect_rpc_log() {
  gpr_set_log_function(write_line);
}

}  // namespace troupe::runtime
