// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/reporter.hpp"

#include <utility>

#include "actors/chat/messages.hpp"

namespace troupe::presence {

void reporter::on(runtime::context& ctx, const tick&) {
  report(ctx);
  find_channels(ctx);
  record(ctx);
}

void reporter::report(runtime::context& ctx) {
  for (const auto& count : d_.people.collect()) {
    ctx.send(runtime::entity_name_of("room", count.channel),
             chat::audience_report{.node = d_.node, .people = count.people});
  }
}

void reporter::find_channels(runtime::context& ctx) {
  for (const auto id : d_.people.unknown_streams()) {
    static_cast<void>(
        ctx.run([&store = d_.streams, id] { return store.find(id); },
                [this, id](runtime::context& then,
                           const result<storage::stream_record>& found) -> result<void> {
                  if (found) {
                    d_.people.learn(id, found->owner);
                    report(then);
                  } else {
                    d_.people.forget(id);  // it is asked again when somebody still plays it
                  }
                  return {};
                }));
  }
}

/// One batch at a time; what could not be stored goes with the next.
void reporter::record(runtime::context& ctx) {
  if (is_recording_) {
    return;
  }
  auto samples = d_.sums.take();
  if (samples.empty()) {
    return;
  }
  is_recording_ = true;
  static_cast<void>(
      ctx.run([&store = d_.audience, samples] { return store.record(samples); },
              [this, samples](runtime::context&, const result<void>& stored) -> result<void> {
                is_recording_ = false;
                if (!stored) {
                  d_.sums.put_back(samples);
                } else if (d_.on_stored) {
                  d_.on_stored();
                }
                return {};
              }));
}

}  // namespace troupe::presence
