// SPDX-License-Identifier: GPL-3.0-or-later
// Questions from node to node, beside entities: what an operator who asks one node wants of all.
// They travel on the link's stream for commands, so that a long answer delays no ping. A question
// is an envelope of kind control with a type "admin.…" and a number; its answer, of type
// admin.answer, has the same number. A type that a node does not know is answered so: during an
// upgrade two versions of the program run at once. Bounds: questions that are open, here and there.
// Thread: any. Nothing blocks. Callbacks come exactly once, on
// the link's threads, the strand's or the caller's; none after the destructor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/callback.hpp"
#include "runtime/archive.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/detail/executor.hpp"
#include "runtime/link/link.hpp"

namespace troupe::app {

class peer_calls {
 public:
  using server = std::function<void(bytes question, callback<bytes> done)>;

  /// incarnation: this node's, at any time. All outlive it.
  peer_calls(runtime::link& way, const runtime::view_source& members,
             std::function<std::uint64_t()> incarnation, runtime::detail::executor& threads);
  ~peer_calls();
  peer_calls(const peer_calls&) = delete;
  peer_calls& operator=(const peer_calls&) = delete;

  /// Q: a struct with inspect, Q::type ("admin.status"), Q::version and Q::answer. f may answer
  /// later.
  template <class Q>
  void serve(std::function<void(Q, callback<typename Q::answer>)> f) {
    serve(std::string(Q::type), Q::version,
          [f = std::move(f)](const bytes& question, callback<bytes> done) {
            auto asked = runtime::decode<Q>(question);
            if (!asked) {
              done(fail(std::move(asked.error())));
              return;
            }
            f(std::move(*asked),
              [done = std::move(done)](result<typename Q::answer> answer) mutable {
                done(map(std::move(answer),
                         [](const typename Q::answer& a) { return runtime::encode(a); }));
              });
          });
  }

  /// Errors besides the other node's: not_found (no_such_node), unavailable (node_unreachable,
  /// too_many_questions), deadline_exceeded.
  template <class Q>
  void ask(const std::string& node, const Q& question, duration deadline,
           callback<typename Q::answer> done) {
    ask(node, std::string(Q::type), Q::version, runtime::encode(question), deadline,
        [done = std::move(done)](result<bytes> answer) mutable {
          done(answer ? runtime::decode<typename Q::answer>(*answer)
                      : result<typename Q::answer>(fail(std::move(answer.error()))));
        });
  }

  /// True when it was for this.
  bool received(std::string_view from, runtime::link_stream on, const runtime::envelope& what);
  /// Answers all that is open with unavailable; nothing is asked or answered from then on.
  void stop();

 private:
  struct impl;

  void serve(std::string type, std::uint32_t version, server f);
  void ask(const std::string& node, std::string type, std::uint32_t version, bytes question,
           duration deadline, callback<bytes> done);

  std::shared_ptr<impl> impl_;
};

}  // namespace troupe::app
