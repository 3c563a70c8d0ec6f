// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/link_context.hpp"

#include <algorithm>
#include <utility>

#include <grpc/grpc_security_constants.h>
#include <grpc/support/time.h>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/sanitizer.hpp"

namespace troupe::runtime::detail {
namespace {

// Each line the log takes of a peer that fails again and again.
constexpr auto between_lines = std::chrono::minutes(1);
constexpr std::size_t most_keys = 256;

}  // namespace

link_context::link_context(grpc_link_options o, metrics& m)
    : options(std::move(o)), figures(m), said_(between_lines, most_keys) {}

void link_context::warn(const std::string& key, const std::string& line) {
  if (const auto quiet = said_.admit(key, system_clock().now())) {
    log::warn("{} node={} suppressed={}", line, options.node, *quiet);
  }
}

std::string_view to_string(link_stream s) {
  switch (s) {
    case link_stream::control:
      return "control";
    case link_stream::commands:
      return "commands";
    case link_stream::media:
      return "media";
  }
  return "unknown";
}

bool names(const grpc::AuthContext& shown, const std::string& node) {
  return shown.IsPeerAuthenticated() &&
         std::ranges::any_of(shown.FindPropertyValues(GRPC_PEER_DNS_PROPERTY_NAME),
                             [&](const grpc::string_ref& name) {
                               return std::string_view(name.data(), name.size()) == node;
                             });
}

void link_timer::set(const std::shared_ptr<live_count>& counted, std::chrono::nanoseconds delay,
                     std::function<void()> f) {
  cancel();
  alarm_ = std::make_unique<grpc::Alarm>();
  const auto at =
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(delay.count(), GPR_TIMESPAN));

  // Taken apart when it has run: gRPC keeps the function itself until the alarm is destroyed.
  struct call {
    std::unique_ptr<live_count::token> token;
    std::function<void()> f;
  };

  auto once = std::make_shared<call>(std::make_unique<live_count::token>(counted), std::move(f));
  sanitizer::released(once.get());
  alarm_->Set(at, [once](bool fired) {
    sanitizer::acquired(once.get());
    const call now = std::move(*once);
    if (fired) {
      now.f();
    }
  });
}

void link_timer::cancel() {
  alarm_.reset();
}

}  // namespace troupe::runtime::detail
