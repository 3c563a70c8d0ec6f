// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/services.hpp"

#include <iterator>
#include <memory>
#include <ranges>
#include <utility>

namespace troupe::app {
namespace {

class listening final : public runtime::service {
 public:
  explicit listening(std::unique_ptr<net::tcp_server::accepting> a) : accepting_(std::move(a)) {}

 private:
  std::unique_ptr<net::tcp_server::accepting> accepting_;
};

class ticking final : public runtime::service {
 public:
  explicit ticking(net::timer t) : timer_(std::move(t)) {}

  void stop() override { timer_.cancel(); }

 private:
  net::timer timer_;
};

runtime::supervisor_spec of(std::string name, runtime::restart_intensity intensity,
                            runtime::backoff backoff, std::vector<runtime::child_spec> children) {
  runtime::supervisor_spec spec{
      .name = std::move(name), .intensity = intensity, .backoff = backoff};
  std::ranges::move(children, std::back_inserter(spec.children));
  return spec;
}

}  // namespace

runtime::child_spec listener(std::string name, net::tcp_server& server) {
  return {.name = std::move(name),
          .start = [&server](const runtime::end_callback& ended)
              -> result<std::unique_ptr<runtime::service>> {
            return std::make_unique<listening>(
                server.accept([ended](error why) { ended(fail(std::move(why))); }));
          }};
}

runtime::child_spec periodic(std::string name, net::io_thread& thread, duration period,
                             std::function<void(const failure_callback&)> what) {
  return {.name = std::move(name),
          .start = [&thread, period, what = std::move(what)](const runtime::end_callback& ended)
              -> result<std::unique_ptr<runtime::service>> {
            const failure_callback failed = [ended](const std::exception& e) {
              ended(fail(errc::internal, std::string("an exception: ") + e.what()));
            };
            return std::make_unique<ticking>(thread.call_every(period, [what, failed] {
              try {
                what(failed);
              } catch (const std::exception& e) {
                failed(e);
              }
            }));
          }};
}

runtime::supervisor_spec edges(std::vector<runtime::child_spec> listeners) {
  // Twenty pauses that grow to half a minute: the tree is given up after three minutes at least.
  return of("edges", {.restarts = 20, .within = std::chrono::minutes(10)},
            {.first = std::chrono::milliseconds(100), .most = std::chrono::seconds(30)},
            std::move(listeners));
}

runtime::supervisor_spec upkeep(std::vector<runtime::child_spec> work) {
  return of("upkeep", {.restarts = 20, .within = std::chrono::minutes(10)},
            {.first = std::chrono::milliseconds(100), .most = std::chrono::seconds(30)},
            std::move(work));
}

}  // namespace troupe::app
