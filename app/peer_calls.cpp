// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/peer_calls.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace troupe::app {
namespace {

constexpr std::string_view answer_type = "admin.answer";
constexpr std::string_view prefix = "admin.";
constexpr std::uint32_t answer_version = 1;
// An operator's questions: a few for each node, each time somebody asks.
constexpr std::size_t most_open = 1024;
constexpr std::size_t most_served = 256;

struct answer_body {
  std::optional<error> failed;
  bytes value;
};

template <class Inspector>
auto inspect(Inspector& f, answer_body& x) {
  return f(x.failed, x.value);
}

/// Of another start than that of the process before, which may still be answered.
std::uint64_t first_number() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | 1;
}

}  // namespace

struct peer_calls::impl : std::enable_shared_from_this<impl> {
  struct question {
    std::string node;
    callback<bytes> done;
  };

  struct known_question {
    std::uint32_t version = 0;
    std::shared_ptr<const server> answers;
  };

  impl(runtime::link& w, const runtime::view_source& m, std::function<std::uint64_t()> i,
       runtime::detail::executor& threads)
      : way(w), members(m), incarnation(std::move(i)), strand(threads.make_strand({})) {}

  void take_question(std::string from, const runtime::envelope& what);
  void take_answer(std::string_view from, const runtime::envelope& what);
  void answer(const std::string& to, const runtime::envelope& asked, result<bytes> with);
  void end(std::uint64_t number, result<bytes> with);

  runtime::link& way;
  const runtime::view_source& members;
  const std::function<std::uint64_t()> incarnation;
  const runtime::detail::strand_ptr strand;

  std::mutex mutex;
  std::map<std::string, known_question, std::less<>> servers;
  bool is_stopped = false;
  std::uint64_t next_number = first_number();
  std::map<std::uint64_t, question> open;
  std::size_t served = 0;
};

void peer_calls::impl::end(std::uint64_t number, result<bytes> with) {
  callback<bytes> done;
  {
    const std::lock_guard lock(mutex);
    const auto at = open.find(number);
    if (at == open.end()) {
      return;
    }
    done = std::move(at->second.done);
    open.erase(at);
  }
  done(std::move(with));
}

void peer_calls::impl::take_question(std::string from, const runtime::envelope& what) {
  runtime::envelope asked;  // what its answer needs
  asked.number = what.number;
  asked.from_incarnation = what.from_incarnation;
  std::shared_ptr<const server> asks;
  std::optional<error> why;
  {
    const std::lock_guard lock(mutex);
    if (is_stopped) {
      return;
    }
    const auto found = servers.find(what.type);
    if (found == servers.end() || found->second.version != what.version) {
      why = make_error(errc::unsupported, "unknown_question",
                       "that node's version of the program does not know " + what.type);
    } else if (served >= most_served) {
      why = make_error(errc::unavailable, "too_many_questions", "too many questions wait there");
    } else {
      asks = found->second.answers;
      ++served;
    }
  }
  if (why) {
    answer(from, asked, fail(std::move(*why)));
    return;
  }
  (*asks)(what.body, [me = weak_from_this(), from = std::move(from),
                      asked = std::move(asked)](result<bytes> with) {
    if (const auto s = me.lock()) {
      {
        const std::lock_guard lock(s->mutex);
        --s->served;
        if (s->is_stopped) {
          return;
        }
      }
      s->answer(from, asked, std::move(with));
    }
  });
}

void peer_calls::impl::answer(const std::string& to, const runtime::envelope& asked,
                              result<bytes> with) {
  answer_body body;
  if (with && with->size() < runtime::largest_envelope - std::size_t{4096}) {
    body.value = std::move(*with);
  } else {
    body.failed = with ? make_error(errc::too_large, "the answer is too long to travel")
                       : std::move(with.error());
  }
  runtime::envelope e;
  e.kind = runtime::envelope_kind::control;
  e.type = answer_type;
  e.version = answer_version;
  e.number = asked.number;
  e.from_incarnation = incarnation();
  e.to_incarnation = asked.from_incarnation;
  e.body = runtime::encode(body);
  // Not sent: who asked has a deadline.
  static_cast<void>(way.send(to, runtime::link_stream::commands, std::move(e)));
}

void peer_calls::impl::take_answer(std::string_view from, const runtime::envelope& what) {
  {
    const std::lock_guard lock(mutex);
    const auto at = open.find(what.number);
    if (at == open.end() || at->second.node != from) {
      return;  // late, or not asked there
    }
  }
  auto body = runtime::decode<answer_body>(what.body);
  if (!body) {
    end(what.number, fail(std::move(body.error())));
  } else if (body->failed) {
    end(what.number, fail(std::move(*body->failed)));
  } else {
    end(what.number, std::move(body->value));
  }
}

peer_calls::peer_calls(runtime::link& way, const runtime::view_source& members,
                       std::function<std::uint64_t()> incarnation,
                       runtime::detail::executor& threads)
    : impl_(std::make_shared<impl>(way, members, std::move(incarnation), threads)) {}

peer_calls::~peer_calls() {
  stop();
}

void peer_calls::serve(std::string type, std::uint32_t version, server f) {
  const std::lock_guard lock(impl_->mutex);
  impl_->servers.insert_or_assign(
      std::move(type), impl::known_question{version, std::make_shared<const server>(std::move(f))});
}

void peer_calls::ask(const std::string& node, std::string type, std::uint32_t version,
                     bytes question, duration deadline, callback<bytes> done) {
  const auto view = impl_->members.view();
  const auto to = std::ranges::find_if(view->members, [&](const runtime::member& m) {
    return m.node == node && m.state != runtime::member_state::left &&
           m.state != runtime::member_state::dead;
  });
  if (to == view->members.end()) {
    done(fail(errc::not_found, "no_such_node", fmt::format("no node {} lives here", node)));
    return;
  }
  runtime::envelope e;
  e.kind = runtime::envelope_kind::control;
  e.type = std::move(type);
  e.version = version;
  e.from_incarnation = impl_->incarnation();
  e.to_incarnation = to->incarnation;
  e.body = std::move(question);
  {
    const std::lock_guard lock(impl_->mutex);
    if (!impl_->is_stopped && impl_->open.size() < most_open) {
      e.number = impl_->next_number++;
      impl_->open.emplace(e.number, impl::question{node, std::move(done)});
    }
  }
  const auto number = e.number;
  if (number == 0) {
    done(fail(errc::unavailable, "too_many_questions", "too many questions are open here"));
    return;
  }
  const auto end_as = [weak = impl_->weak_from_this(), number](error why) {
    if (const auto me = weak.lock()) {
      me->end(number, fail(std::move(why)));
    }
  };
  if (!impl_->way.send(node, runtime::link_stream::commands, std::move(e))) {
    end_as(make_error(errc::unavailable, "node_unreachable",
                      fmt::format("the way to node {} is closed", node)));
    return;
  }
  impl_->strand->post_after(deadline, [end_as, node] {
    end_as(make_error(errc::deadline_exceeded, fmt::format("node {} does not answer", node)));
  });
}

bool peer_calls::received(std::string_view from, runtime::link_stream on,
                          const runtime::envelope& what) {
  if (on != runtime::link_stream::commands || what.kind != runtime::envelope_kind::control ||
      !what.type.starts_with(prefix)) {
    return false;
  }
  if (what.to_incarnation != impl_->incarnation()) {
    return true;  // for another start of this node
  }
  if (what.type == answer_type) {
    impl_->take_answer(from, what);
  } else {
    impl_->take_question(std::string(from), what);
  }
  return true;
}

void peer_calls::stop() {
  std::map<std::uint64_t, impl::question> left;
  {
    const std::lock_guard lock(impl_->mutex);
    if (std::exchange(impl_->is_stopped, true)) {
      return;
    }
    left.swap(impl_->open);
  }
  impl_->strand->close();
  for (auto& [number, q] : left) {
    q.done(fail(errc::unavailable, "node_stopping", "this node is leaving"));
  }
}

}  // namespace troupe::app
