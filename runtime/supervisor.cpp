// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/supervisor.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"

namespace troupe::runtime {

duration backoff::after(int failures, std::minstd_rand& random) const {
  auto wait = first;
  for (int i = 1; i < failures && wait < most; ++i) {
    wait *= 2;
  }
  std::uniform_real_distribution<double> jitter(0.5, 1.0);
  return std::chrono::duration_cast<duration>(std::min(wait, most) * jitter(random));
}

struct supervisor::impl : std::enable_shared_from_this<supervisor::impl> {
  enum class state : std::uint8_t { stopped, running, waiting, ended, failed };

  struct child {
    std::variant<child_spec, supervisor_spec> spec;
    std::unique_ptr<service> running;
    std::unique_ptr<supervisor> below;
    impl::state now = state::stopped;
    std::uint64_t generation = 0;  // of its start: what an older one says is late
    std::uint64_t restarts = 0;

    const std::string& name() const {
      return std::visit([](const auto& s) -> const std::string& { return s.name; }, spec);
    }

    runtime::restart restart() const {
      const auto* s = std::get_if<child_spec>(&spec);
      return s != nullptr ? s->restart : runtime::restart::permanent;
    }
  };

  impl(supervisor_spec s, environment e, std::function<void(error)> up)
      : name(std::move(s.name)),
        how(s.strategy),
        intensity(s.intensity),
        rest(s.backoff),
        env(std::move(e)),
        given_up(std::move(up)),
        random(static_cast<std::minstd_rand::result_type>(env.seed % 2147483646 + 1)) {
    for (auto& c : s.children) {
      children.emplace_back().spec = std::move(c);
    }
  }

  result<void> start();
  result<void> start_child(std::size_t i);
  result<void> start_service(std::size_t i, const child_spec& spec);
  result<void> start_below(std::size_t i, const supervisor_spec& spec);
  void ended_by_itself(std::size_t i, std::uint64_t generation, const result<void>& outcome);
  void failed(std::size_t i, const error& why);
  void restart_waiting(std::size_t first, std::size_t last, std::uint64_t of_round);
  void stop_children(std::size_t first, std::size_t last, state then);
  std::pair<std::size_t, std::size_t> affected_by(std::size_t i) const;

  const std::string name;
  const runtime::strategy how;
  const restart_intensity intensity;
  const runtime::backoff rest;
  const environment env;
  const std::function<void(error)> given_up;
  std::minstd_rand random;
  std::vector<child> children;
  std::vector<steady_time> failures;
  std::uint64_t restarts = 0;
  std::uint64_t round = 0;  // of restarts that touch siblings: only the latest is carried out
  state now = state::stopped;
};

result<void> supervisor::impl::start() {
  now = state::running;
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (auto ok = start_child(i); !ok) {
      now = state::failed;
      stop_children(0, i, state::stopped);
      return fail(ok.error().with("starting " + children[i].name()));
    }
  }
  return {};
}

result<void> supervisor::impl::start_child(std::size_t i) {
  auto& c = children[i];
  ++c.generation;
  result<void> ok;
  try {
    ok = std::holds_alternative<child_spec>(c.spec)
             ? start_service(i, std::get<child_spec>(c.spec))
             : start_below(i, std::get<supervisor_spec>(c.spec));
  } catch (const std::exception& e) {
    ok = fail(errc::internal, std::string("an exception: ") + e.what());
  }
  c.now = ok ? state::running : state::failed;
  return ok;
}

result<void> supervisor::impl::start_service(std::size_t i, const child_spec& spec) {
  auto& c = children[i];
  auto started = spec.start([weak = weak_from_this(), later = env.later, i,
                             generation = c.generation](result<void> outcome) {
    later(duration::zero(), [weak, i, generation, outcome = std::move(outcome)] {
      if (const auto self = weak.lock()) {
        self->ended_by_itself(i, generation, outcome);
      }
    });
  });
  if (!started) {
    return fail(std::move(started.error()));
  }
  c.running = std::move(*started);
  return {};
}

result<void> supervisor::impl::start_below(std::size_t i, const supervisor_spec& spec) {
  auto& c = children[i];
  auto below_env = env;
  below_env.seed = env.seed + i + 1;
  c.below = std::make_unique<supervisor>(
      spec, std::move(below_env),
      [weak = weak_from_this(), later = env.later, i, generation = c.generation](const error& why) {
        later(duration::zero(), [weak, i, generation, why] {
          if (const auto self = weak.lock()) {
            self->ended_by_itself(i, generation, fail(why));
          }
        });
      });
  return c.below->start();
}

void supervisor::impl::ended_by_itself(std::size_t i, std::uint64_t generation,
                                       const result<void>& outcome) {
  auto& c = children[i];
  if (now != state::running || c.generation != generation || c.now != state::running) {
    return;
  }
  c.running.reset();
  c.below.reset();
  const auto policy = c.restart();
  if (policy == restart::temporary || (policy == restart::transient && outcome)) {
    c.now = outcome ? state::ended : state::failed;
    return;
  }
  failed(i, outcome ? make_error(errc::unavailable, c.name() + " ended") : outcome.error());
}

void supervisor::impl::failed(std::size_t i, const error& why) {
  const auto at = env.time.now();
  std::erase_if(failures, [&](steady_time t) { return at - t >= intensity.within; });
  failures.push_back(at);
  if (static_cast<int>(failures.size()) > intensity.restarts) {
    now = state::failed;
    stop_children(0, children.size(), state::stopped);
    given_up(why.with(name + ": " + children[i].name()));
    return;
  }
  const auto touched = affected_by(i);
  stop_children(touched.first, touched.second, state::waiting);
  children[i].now = state::waiting;
  const auto delay = rest.after(static_cast<int>(failures.size()), random);
  log::warn("a service failed and is started again supervisor={} service={} error={}", name,
            children[i].name(), why.message);
  env.later(delay, [weak = weak_from_this(), touched, r = ++round] {
    if (const auto self = weak.lock()) {
      self->restart_waiting(touched.first, touched.second, r);
    }
  });
}

std::pair<std::size_t, std::size_t> supervisor::impl::affected_by(std::size_t i) const {
  switch (how) {
    case strategy::one_for_one:
      return {i, i + 1};
    case strategy::rest_for_one:
      return {i, children.size()};
    case strategy::one_for_all:
      return {0, children.size()};
  }
  return {i, i + 1};
}

void supervisor::impl::restart_waiting(std::size_t first, std::size_t last,
                                       std::uint64_t of_round) {
  if (now != state::running) {
    return;
  }
  if (how != strategy::one_for_one) {
    if (of_round != round) {
      return;  // another failure since then restarts more, later
    }
    first = 0;  // also what an earlier round left waiting
  }
  for (auto i = first; i < last; ++i) {
    auto& c = children[i];
    if (c.now != state::waiting) {
      continue;
    }
    ++restarts;
    ++c.restarts;
    if (auto ok = start_child(i); !ok) {
      c.below.reset();
      failed(i, ok.error());
      return;
    }
  }
}

void supervisor::impl::stop_children(std::size_t first, std::size_t last, state then) {
  for (auto i = last; i-- > first;) {
    auto& c = children[i];
    const bool was_running = c.now == state::running;
    ++c.generation;
    if (c.running) {
      c.running->stop();
      c.running.reset();
    }
    if (c.below) {
      c.below->stop();
      c.below.reset();
    }
    if (was_running) {
      // As in OTP: a temporary child that a sibling's failure took down is not restarted.
      c.now = then == state::waiting && c.restart() == restart::temporary ? state::ended : then;
    } else if (then == state::stopped && c.now == state::waiting) {
      c.now = then;
    }
  }
}

supervisor::supervisor(supervisor_spec spec, environment env, std::function<void(error)> given_up)
    : impl_(std::make_shared<impl>(std::move(spec), std::move(env), std::move(given_up))) {}

supervisor::~supervisor() {
  stop();
}

result<void> supervisor::start() {
  return impl_->start();
}

void supervisor::stop() {
  if (impl_->now == impl::state::running) {
    impl_->now = impl::state::stopped;
    impl_->stop_children(0, impl_->children.size(), impl::state::stopped);
  }
}

tree_node supervisor::tree() const {
  static constexpr const char* names[] = {"stopped", "running", "waiting", "ended", "failed"};
  tree_node root{
      impl_->name, "supervisor", names[static_cast<std::size_t>(impl_->now)], impl_->restarts, 0,
      {}};
  for (const auto& c : impl_->children) {
    if (c.below) {
      root.children.push_back(c.below->tree());
      root.children.back().restarts += c.restarts;
    } else {
      const bool is_service = std::holds_alternative<child_spec>(c.spec);
      root.children.push_back({c.name(),
                               is_service ? "service" : "supervisor",
                               names[static_cast<std::size_t>(c.now)],
                               c.restarts,
                               0,
                               {}});
    }
  }
  return root;
}

}  // namespace troupe::runtime
