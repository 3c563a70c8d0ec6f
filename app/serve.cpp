// SPDX-License-Identifier: GPL-3.0-or-later
// `troupe serve`: the life of the process around a node.
#include <signal.h>

#include <cstring>

#include "app/node.hpp"
#include "app/version.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

/// Blocks the signals that end us in every thread made from now on, so that wait() alone takes
/// them.
class end_signals {
 public:
  end_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a peer that went away is an error value
  }

  int wait() const {
    int which = 0;
    sigwait(&set_, &which);
    return which;
  }

 private:
  sigset_t set_{};
};

}  // namespace

int serve(const config& c, const node_config& self) {
  const end_signals signals;
  log::start(c.log.level, self.name);
  log::info("troupe {} starts store={}", version(),
            c.cluster.engine() == store_engine::sqlite ? "sqlite" : "postgresql");
  auto started = node::start(c, self);
  if (!started) {
    log::error("cannot start: {}", started.error().message);
    log::stop();
    return 1;
  }
  log::info("ready http={} rtmp={}", (*started)->http_port(), (*started)->rtmp_port());
  log::flush();
  const int which = signals.wait();
  log::info("stopping signal={}", strsignal(which));
  started->reset();
  log::info("stopped");
  log::stop();
  return 0;
}

}  // namespace troupe::app
