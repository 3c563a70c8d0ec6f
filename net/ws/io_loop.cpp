// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/io_loop.hpp"

#include <utility>

namespace troupe::ws {
namespace {

class io_loop final : public loop {
 public:
  explicit io_loop(net::io_thread& thread) : thread_(thread) {}

  void post(job j) override { thread_.post(std::move(j)); }

  bool is_current() const override { return thread_.is_current(); }

  std::shared_ptr<void> after(duration delay, job j) override {
    return std::make_shared<net::timer>(thread_.call_after(delay, std::move(j)));
  }

 private:
  net::io_thread& thread_;
};

}  // namespace

std::unique_ptr<loop> loop_of(net::io_thread& thread) {
  return std::make_unique<io_loop>(thread);
}

}  // namespace troupe::ws
