// SPDX-License-Identifier: GPL-3.0-or-later
// Behaviours the runtime's tests are run on: a counter for each way to keep state, with every way
// to misbehave.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/testing/entity_bench.hpp"

namespace troupe::runtime::sample {

using namespace std::chrono_literals;
using testing::entity_bench;
using testing::memory_entity_log;

struct total {
  std::int64_t value = 0;
  std::uint64_t epoch = 0;
  friend bool operator==(const total&, const total&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, total& x) {
  return f(x.value, x.epoch);
}

#define TROUPE_SAMPLE_MESSAGE(name, result)                \
  static constexpr std::string_view type = "sample." name; \
  static constexpr std::uint32_t version = 1;              \
  using answer = result

struct add {
  TROUPE_SAMPLE_MESSAGE("add", total);
  std::int64_t by = 1;
};

struct read {
  TROUPE_SAMPLE_MESSAGE("read", total);
};

struct crash {  // how: 0 throws, 1 fails, 2 throws an int
  TROUPE_SAMPLE_MESSAGE("crash", total);
  int how = 0;
};

struct wait {  // answered by the next add
  TROUPE_SAMPLE_MESSAGE("wait", total);
};

struct work {  // adds by way of a job
  TROUPE_SAMPLE_MESSAGE("work", total);
  std::int64_t by = 1;
  int how = 0;  // 1: the job throws, 2: the continuation throws
};

struct add_later {
  TROUPE_SAMPLE_MESSAGE("add_later", accepted);
  std::int64_t by = 1;
  duration delay{};
};

struct cancel_adds {
  TROUPE_SAMPLE_MESSAGE("cancel_adds", accepted);
};

struct pass_on {  // adds to another entity: told, or asked and the answer added here
  TROUPE_SAMPLE_MESSAGE("pass_on", accepted);
  entity_name to;
  std::int64_t by = 1;
  bool ask = false;
};

struct grow {
  TROUPE_SAMPLE_MESSAGE("grow", accepted);
  std::uint32_t bytes = 0;
};

struct go_away {
  TROUPE_SAMPLE_MESSAGE("go_away", accepted);
};

struct not_understood {
  TROUPE_SAMPLE_MESSAGE("not_understood", accepted);
};

#undef TROUPE_SAMPLE_MESSAGE

template <class I>
auto inspect(I& f, add& x) {
  return f(x.by);
}

template <class I>
auto inspect(I& f, read&) {
  return f();
}

template <class I>
auto inspect(I& f, crash& x) {
  return f(x.how);
}

template <class I>
auto inspect(I& f, wait&) {
  return f();
}

template <class I>
auto inspect(I& f, work& x) {
  return f(x.by, x.how);
}

template <class I>
auto inspect(I& f, add_later& x) {
  return f(x.by, x.delay);
}

template <class I>
auto inspect(I& f, cancel_adds&) {
  return f();
}

template <class I>
auto inspect(I& f, pass_on& x) {
  return f(x.to, x.by, x.ask);
}

template <class I>
auto inspect(I& f, grow& x) {
  return f(x.bytes);
}

template <class I>
auto inspect(I& f, go_away&) {
  return f();
}

template <class I>
auto inspect(I& f, not_understood&) {
  return f();
}

/// What a test sees of behaviours from outside of them.
struct observed {
  int made = 0;
  int alive = 0;
  int most_alive = 0;
  int passivated = 0;
  std::vector<std::int64_t> added;  // in the order applied, over all activations
  std::function<result<void>()> on_activate;
  bool activate_by_job = false;
};

template <keep Keep>
constexpr std::string_view kind_of = Keep == keep::snapshot     ? "kept"
                                     : Keep == keep::own_tables ? "tabled"
                                                                : "brief";

template <enum keep Keep>
class counter {
 public:
  static constexpr std::string_view kind = kind_of<Keep>;
  static constexpr auto keep = Keep;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<add, read, crash, wait, work, add_later, cancel_adds, pass_on,
                                     grow, go_away>;

  struct state {
    std::int64_t value = 0;
    std::string ballast;

    template <class Inspector>
    friend auto inspect(Inspector& f, state& x) {
      return f(x.value, x.ballast);
    }
  };

  state data;

  explicit counter(observed& o) : observed_(o) {
    ++o.made;
    o.most_alive = std::max(o.most_alive, ++o.alive);
  }

  ~counter() { --observed_.alive; }

  counter(const counter&) = delete;
  counter& operator=(const counter&) = delete;

  later<void> activate(context& ctx) {
    if (observed_.activate_by_job) {
      return ctx.run([f = observed_.on_activate] { return f ? f() : result<void>{}; },
                     [](context&, result<void> how) { return how; });
    }
    promise<void> done;
    auto answer = done.answer();
    done.set(observed_.on_activate ? observed_.on_activate() : result<void>{});
    return answer;
  }

  void passivate(context&) { ++observed_.passivated; }

  result<total> on(context& ctx, const add& m) {
    data.value += m.by;
    observed_.added.push_back(m.by);
    for (auto& waiting : std::exchange(waiting_, {})) {
      waiting.set(total{data.value, ctx.epoch()});
    }
    return total{data.value, ctx.epoch()};
  }

  result<total> on(context& ctx, const read&) const { return total{data.value, ctx.epoch()}; }

  result<total> on(context& ctx, const crash& m) {
    data.value = -1000;
    if (m.how == 0) {
      throw std::runtime_error("a library's exception");
    }
    if (m.how == 2) {
      throw 42;
    }
    ctx.fail(make_error(errc::data_corrupt, "this must not go on"));
    return total{};
  }

  later<total> on(context& ctx, const wait&) {
    waiting_.push_back(ctx.defer<total>());
    return waiting_.back().answer();
  }

  later<total> on(context& ctx, const work& m) {
    return ctx.run(
        [m]() -> result<std::int64_t> {
          if (m.how == 1) {
            throw std::runtime_error("in a job");
          }
          return m.by;
        },
        [this, m](context& c, result<std::int64_t> by) -> result<total> {
          if (m.how == 2) {
            throw std::runtime_error("in a continuation");
          }
          if (!by) {
            return troupe::fail(by.error());
          }
          return on(c, add{*by});
        });
  }

  result<accepted> on(context& ctx, const add_later& m) {
    timer_ = ctx.after(m.delay, add{m.by});
    return accepted{};
  }

  result<accepted> on(context& ctx, const cancel_adds&) {
    ctx.cancel(timer_);
    return accepted{};
  }

  result<accepted> on(context& ctx, const pass_on& m) {
    if (m.ask) {
      ctx.ask(m.to, add{m.by}, 1s,
              [this](context&, result<total> got) { data.value += got ? got->value : -1; });
    } else {
      ctx.send(m.to, add{m.by});
    }
    return accepted{};
  }

  result<accepted> on(context&, const grow& m) {
    data.ballast.assign(m.bytes, 'x');
    return accepted{};
  }

  result<accepted> on(context& ctx, const go_away&) {
    ctx.passivate();
    return accepted{};
  }

 private:
  observed& observed_;
  std::vector<promise<total>> waiting_;
  timer timer_ = timer::none;
};

using kept = counter<keep::snapshot>;
using brief = counter<keep::none>;
using tabled = counter<keep::own_tables>;

const entity_name a_kept{"kept", "a"};
const entity_name b_kept{"kept", "b"};
const entity_name a_brief{"brief", "a"};
const entity_name b_brief{"brief", "b"};
const entity_name a_tabled{"tabled", "a"};

/// A bench with the three kinds.
struct sample_bench : entity_bench {
  explicit sample_bench(memory_entity_log* log = nullptr, std::uint64_t incarnation = 1,
                        const kind_options& options = {.idle = 1min})
      : entity_bench(log, incarnation) {
    add<kept>(options);
    add<brief>(options);
    add<tabled>(options);
  }

  template <class B>
  void add(const kind_options& options) {
    node().add_kind<B>([this](const entity_name&) { return std::make_unique<B>(seen); }, options);
  }

  observed seen;
};

}  // namespace troupe::runtime::sample
