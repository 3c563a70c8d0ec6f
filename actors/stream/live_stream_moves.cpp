// SPDX-License-Identifier: GPL-3.0-or-later
// The half of live_stream that only one of several nodes needs: going on with a stream that was
// elsewhere, and giving it away.
#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/stream/live_stream.hpp"
#include "actors/stream/records.hpp"
#include "actors/stream/recovery.hpp"
#include "actors/stream/restoration.hpp"
#include "base/log.hpp"

namespace troupe::stream {
namespace {

constexpr auto look_after_every = std::chrono::seconds(1);

}  // namespace

void live_stream::begin_keeping(const runtime::context& ctx) {
  keeping_ = std::make_unique<safekeeping>(
      data.id, ctx.epoch(), *d_.copies, [this](runtime::context& then) {
        if (data.status == status::live || data.status == status::reconnecting) {
          store_status(then);  // from where on nobody else has it
        }
      });
}

/// With the state that the activation before gave away: the publisher opens its publication again.
result<void> live_stream::go_on(runtime::context& ctx, const storage::adopted_stream& row) {
  const auto found = to_info(row.stream, ctx.wall()).status;
  const auto was = std::exchange(data.status, status::waiting);
  set_status(found == status::ended ? found : was);
  if (data.status == status::live) {
    ctx.after(check_every,
              check_silence{.publication = data.publication, .frames_seen = frames_seen_});
  } else if (data.status == status::reconnecting) {
    ctx.after(d_.settings.grace, grace_over{.publication = data.publication});
  }
  return {};
}

runtime::later<void> live_stream::restore(runtime::context& ctx, bool is_moved) {
  runtime::promise<void> done;
  auto answer = done.answer();
  const auto waits = std::make_shared<runtime::promise<void>>(std::move(done));
  const auto work = std::make_shared<restoration>(data.id, ctx.epoch(), *d_.copies,
                                                  [this, is_moved, waits](runtime::context& then) {
                                                    restored(then, is_moved);
                                                    waits->set({});
                                                  });
  const auto enough = is_moved ? std::optional(data.last ? data.last->next_msn : 0) : std::nullopt;
  work->start(ctx, enough);
  return answer;
}

/// A copy that does not reach to where the store has the stream is not all there was: then nobody
/// knows what was listed, and the numbering goes on far above.
void live_stream::restored(runtime::context& ctx, bool is_moved) {
  if (is_moved) {
    return;
  }
  const auto found = d_.copies->live.position(data.id, media::source_rendition);
  const auto reached = found && found->reached ? found->reached->next_msn : 0;
  if (reached >= stored_msn_) {  // 0: a copy of nothing is all there was
    data.last = found ? found->reached : std::nullopt;
    data.publications = std::max(data.publications, data.last ? data.last->publication.number : 0);
  } else {
    d_.copies->counters.cut_off.add();
    log::warn(
        "no node has all media of a stream, its numbers go on far above stream={} had={} "
        "wanted={}",
        data.id, reached, stored_msn_);
  }
  wait_for_publisher(ctx);
}

/// The publisher of the segment that is running is gone with frames that nobody has: it ends with
/// the parts it has.
void live_stream::end_last_segment(runtime::context& ctx) {
  const auto found = d_.copies->live.position(data.id, media::source_rendition);
  const auto next = data.last ? data.last->next_msn : 0;
  if (!found || !found->running || found->running->msn != next || found->parts == 0) {
    return;
  }
  media::checkpoint initial;
  initial.target_duration_s = found->playlist ? found->playlist->target_duration_s : 4;
  const auto behind = continue_behind(data.last.value_or(initial), *found);
  std::vector<media::output> outputs;
  outputs.emplace_back(media::segment_finished{
      .msn = found->running->msn, .duration = found->duration, .state = behind});
  publish(ctx, std::move(outputs));
}

void live_stream::passivate(runtime::context& ctx) {
  if (!keeping_) {
    finish_publication(ctx);
    return;
  }
  // Frames that no part has yet stay with the edge, whoever goes on: parts cut here would be other
  // parts than those the next activation makes of them.
  keeping_->release();
  data.is_moved = ctx.is_leaving();
}

runtime::later<void> live_stream::prepare_move(runtime::context& ctx, const std::string& node) {
  if (keeping_) {
    return keeping_->prepare_move(ctx, node);
  }
  runtime::promise<void> done;
  auto answer = done.answer();
  done.set({});
  return answer;
}

void live_stream::watch_over(runtime::context& ctx) {
  keeping_->look_after(ctx, data.last);
  if (!std::exchange(is_looked_after_, true)) {
    ctx.after(look_after_every, look_after{});
  }
}

void live_stream::on(runtime::context& ctx, const look_after&) {
  is_looked_after_ = false;
  if (keeping_ && (data.status == status::live || data.status == status::reconnecting)) {
    watch_over(ctx);
  }
}

}  // namespace troupe::stream
