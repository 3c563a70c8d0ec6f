// SPDX-License-Identifier: GPL-3.0-or-later
// `troupe serve`: the life of the process around a node.
#include <linux/close_range.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/node.hpp"
#include "app/version.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

// What a node that was declared dead sends to its own process.
constexpr int death_signal = SIGUSR1;
// Set where the process began anew by itself: then what is away now may well come back.
constexpr const char* anew_variable = "TROUPE_BEGINS_ANEW";
constexpr auto longest_patience = std::chrono::minutes(10);
constexpr auto longest_stop = std::chrono::milliseconds(9'500);  // ten seconds, less the flush

/// Blocks the signals that end us in every thread made from now on, so that wait() alone takes
/// them.
class end_signals {
 public:
  end_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, death_signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a peer that went away is an error value
  }

  int wait() const {
    int which = 0;
    sigwait(&set_, &which);
    return which;
  }

  /// 0: none came in time.
  int wait_for(std::chrono::milliseconds limit) const {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(limit);
    const timespec t{.tv_sec = seconds.count(),
                     .tv_nsec = std::chrono::nanoseconds(limit - seconds).count()};
    const int which = sigtimedwait(&set_, nullptr, &t);
    return which < 0 ? 0 : which;
  }

 private:
  sigset_t set_{};
};

/// While it lives a second signal ends the process at once.
class impatience {
 public:
  explicit impatience(const end_signals& signals)
      : watcher_([&signals](const std::stop_token& over) {
          while (!over.stop_requested()) {
            const int which = signals.wait_for(std::chrono::milliseconds(100));
            if (which == SIGTERM || which == SIGINT) {
              log::warn("ends at once signal={}", strsignal(which));
              log::flush();
              std::_Exit(128 + which);
            }
          }
        }) {}

 private:
  std::jthread watcher_;
};

/// From the end of a node's drain on: what still runs after ten seconds is cut off. What the store
/// was told is there, whole or not at all, however the process ends.
class last_patience {
 public:
  last_patience()
      : watcher_([](const std::stop_token& over) {
          std::mutex mutex;
          std::condition_variable_any wake;
          std::unique_lock lock(mutex);
          if (!wake.wait_for(lock, over, longest_stop, [&over] { return over.stop_requested(); })) {
            log::warn("something did not end in time and is cut off, likely the store");
            log::flush();
            std::_Exit(0);
          }
        }) {}

 private:
  std::jthread watcher_;
};

/// Puts a fresh process in place of this one, under the same id and with the same arguments.
/// Returns only when that is not possible.
void begin_anew() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < all.size();) {
    const auto end = all.find('\0', at);
    arguments.push_back(all.substr(at, end - at));
    at = end == std::string::npos ? all.size() : end + 1;
  }
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (auto& a : arguments) {
    pointers.push_back(a.data());
  }
  pointers.push_back(nullptr);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);  // not every library does it itself
  ::setenv(anew_variable, "1", 1);  // NOLINT(concurrency-mt-unsafe): no other thread reads it
  ::execv("/proc/self/exe", pointers.data());
}

using started_node = result<std::unique_ptr<node>>;

/// Of a process that began anew: as often as it takes, because the store and the other nodes may be
/// away for the same reason.
started_node start_patiently(const config& c, const node_config& self, const end_signals& signals) {
  const auto on_death = [](std::string_view) { ::kill(::getpid(), death_signal); };
  const bool is_patient = std::getenv(anew_variable) != nullptr;
  const auto until = std::chrono::steady_clock::now() + longest_patience;
  for (;;) {
    auto started = node::start(c, self, on_death);
    if (started || !is_patient || std::chrono::steady_clock::now() >= until) {
      return started;
    }
    log::warn("cannot start yet, tries again: {}", started.error().message);
    const int which = signals.wait_for(std::chrono::seconds(1));
    if (which == SIGTERM || which == SIGINT) {
      return started;
    }
  }
}

}  // namespace

int serve(const config& c, const node_config& self) {
  const end_signals signals;
  log::start(c.log.level, self.name);
  log::info("troupe {} starts store={}", version(),
            c.cluster.engine() == store_engine::sqlite ? "sqlite" : "postgresql");
  auto started = start_patiently(c, self, signals);
  if (!started) {
    log::error("cannot start: {}", started.error().message);
    log::stop();
    return 1;
  }
  log::info("ready http={} rtmp={}", (*started)->http_port(), (*started)->rtmp_port());
  log::flush();
  const int which = signals.wait();
  const impatience second(signals);
  if (which == death_signal) {
    (*started)->stop(true);
    log::warn("the process begins anew");
    log::stop();
    begin_anew();
    return 1;
  }
  log::info("stopping signal={}", strsignal(which));
  log::flush();
  (*started)->give_away();
  const last_patience guard;
  started->reset();
  log::info("stopped");
  log::stop();
  return 0;
}

}  // namespace troupe::app
