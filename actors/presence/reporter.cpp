// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/reporter.hpp"

#include <utility>

#include "actors/chat/messages.hpp"

namespace troupe::presence {

void reporter::on(runtime::context& ctx, const tick&) {
  for (const auto& count : d_.people.collect()) {
    ctx.send(runtime::entity_name_of("room", count.channel),
             chat::audience_report{.node = d_.node, .people = count.people});
  }
  find_channels(ctx);
  record(ctx);
}

void reporter::find_channels(runtime::context& ctx) {
  for (const auto id : d_.people.unknown_streams()) {
    static_cast<void>(ctx.run(
        [&store = d_.streams, id] { return store.find(id); },
        [this, id](runtime::context&, const result<storage::stream_record>& found) -> result<void> {
          if (found) {
            d_.people.learn(id, found->owner);
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
                }
                return {};
              }));
}

}  // namespace troupe::presence
