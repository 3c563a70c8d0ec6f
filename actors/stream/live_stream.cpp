// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/live_stream.hpp"

#include <algorithm>
#include <utility>

#include "actors/chat/messages.hpp"
#include "actors/stream/health_report.hpp"
#include "actors/stream/records.hpp"
#include "actors/stream/recovery.hpp"
#include "base/log.hpp"
#include "runtime/archive.hpp"

namespace troupe::stream {
namespace {

// Until a channel's key-frame interval is known; RFC 8216bis wants it constant for the playlist's
// life.
constexpr std::int64_t usual_target_s = 4;
constexpr std::int64_t longest_target_s = 10;

int target_duration_s(std::chrono::milliseconds key_frame_interval) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(key_frame_interval).count();
  return static_cast<int>(std::clamp<std::int64_t>(seconds, usual_target_s, longest_target_s));
}

}  // namespace

live_stream_metrics::live_stream_metrics(metrics& m)
    : live(m.make_gauge("troupe_streams_live", "Streams with a publisher")),
      frames(m.make_counter("troupe_stream_frames_total", "Frames taken in by live streams")),
      parts(m.make_counter("troupe_stream_parts_total", "Parts published")),
      media_bytes(m.make_counter("troupe_stream_media_bytes_total", "Bytes of parts published")),
      skipped_frames(m.make_counter(
          "troupe_stream_skipped_frames_total",
          "Frames that could not be packaged: before the first IDR, damaged, unsupported")),
      store_failures(
          m.make_counter("troupe_stream_store_failures_total",
                         "Writes of a stream's status that failed and are tried again")) {}

live_stream::live_stream(const runtime::entity_name& name, const live_stream_dependencies& d)
    : d_(d) {
  data.id = parse_id(name.id).value_or(0);  // 0 is no stream: activate() fails with not_found
}

live_stream::~live_stream() {
  set_status(status::ended);  // of the gauge: this activation holds no publisher any more
}

runtime::later<void> live_stream::activate(runtime::context& ctx) {
  return ctx.run(
      [&store = d_.store, id = data.id, epoch = static_cast<std::int64_t>(ctx.epoch())] {
        return store.adopt(id, epoch);
      },
      [this](runtime::context& then, result<storage::adopted_stream> row) -> runtime::later<void> {
        runtime::promise<void> done;
        auto answer = done.answer();
        if (!row) {
          done.set(fail(std::move(row.error())));
          return answer;
        }
        if (d_.copies != nullptr) {
          begin_keeping(then);
        }
        const bool is_moved = std::exchange(data.is_moved, false);
        auto adopted = is_moved ? go_on(then, *row) : adopt(then, *row);
        if (adopted && keeping_ && (is_moved || data.last)) {
          return restore(then, is_moved);
        }
        if (adopted) {
          wait_for_publisher(then);
        }
        done.set(std::move(adopted));
        return answer;
      });
}

result<void> live_stream::adopt(runtime::context& ctx, const storage::adopted_stream& row) {
  const auto found = to_info(row.stream, ctx.wall());
  data.owner = found.owner;
  data.key_frame_interval = row.key_frame_interval;
  if (!row.progress.empty()) {
    auto saved = runtime::decode<media::checkpoint>(row.progress);
    if (!saved) {
      return fail(saved.error().with("reading where the stream's numbering stood"));
    }
    data.publications = saved->publication.number;
    stored_msn_ = saved->next_msn;
    const auto elapsed = ctx.wall() - row.stream.last_seen_at;
    data.last =
        continue_above(std::move(*saved), std::chrono::ceil<std::chrono::milliseconds>(elapsed));
  }
  data.status = found.status;
  return {};
}

/// As far as this activation knows it is gone; a living edge opens its publication again.
void live_stream::wait_for_publisher(runtime::context& ctx) {
  if (data.status == status::live || data.status == status::reconnecting) {
    publisher_gone(ctx);
  }
}

result<resume_point> live_stream::on(runtime::context& ctx, const open_publication& m) {
  if (data.status == status::ended) {
    return fail(errc::conflict, "stream_ended", "the stream has ended");
  }
  if (m.owner != data.owner) {
    return fail(errc::forbidden, "not_your_stream", "the stream belongs to somebody else");
  }
  if (m.publication < data.publication) {
    return fail(errc::conflict, "superseded", "a newer connection publishes this stream");
  }
  if (m.publication > data.publication || !packager_) {
    finish_publication(ctx);
    data.publication = m.publication;
    data.next_video = 0;
    data.next_audio = 0;
    video_.reset();
    audio_.reset();
    began_ = false;
    dropped_ = 0;
    problems_.clear();
    make_packager(ctx, m);
    log::info("publisher connected stream={} publication={}", data.id, m.publication);
    ctx.after(check_every,
              check_silence{.publication = m.publication, .frames_seen = frames_seen_});
  }
  if (keeping_) {
    keeping_->publisher_is_at(ctx.from().session.run);
    watch_over(ctx);
  }
  return where_it_stands();
}

void live_stream::make_packager(runtime::context& ctx, const open_publication& m) {
  if (!packager_ && m.number == 0 && keeping_) {
    end_last_segment(ctx);
  }
  data.publications = std::max(m.number, data.publications + 1);
  if (!packager_ && m.number != 0) {  // a crash of ours: the same publication goes on
    data.publications = m.number;
    data.last = m.resume;
  }
  began_from_ = data.last;
  if (packager_) {
    return;
  }
  if (data.last) {
    packager_ = std::make_unique<media::packager>(*data.last);
    if (data.last->publication.number == data.publications) {
      data.next_video = data.last->video.next_frame;
      data.next_audio = data.last->audio.next_frame;
    }
  } else {
    media::packager_options options;
    options.target_duration_s = target_duration_s(data.key_frame_interval);
    packager_ = std::make_unique<media::packager>(options);
  }
}

resume_point live_stream::where_it_stands() const {
  resume_point at{.number = data.publications,
                  .next_video = data.next_video,
                  .next_audio = data.next_audio,
                  .checkpoint = data.last};
  if (keeping_) {
    const auto& safe = keeping_->safe();
    const bool is_of_this = safe && safe->publication.number == data.publications;
    at.checkpoint = is_of_this ? safe : began_from_;
  }
  return at;
}

result<void> live_stream::check_publication(std::uint64_t publication) const {
  if (data.status == status::ended) {
    return fail(errc::conflict, "stream_ended", "the stream has ended");
  }
  if (publication < data.publication) {
    return fail(errc::conflict, "superseded", "a newer connection publishes this stream");
  }
  if (publication > data.publication || !packager_) {
    return fail(errc::conflict, "unknown_publication", "open the publication again");
  }
  return {};
}

result<resume_point> live_stream::on(runtime::context& ctx, const push_frames& m) {
  if (auto ok = check_publication(m.publication); !ok) {
    return fail(std::move(ok.error()));
  }
  if (!began_ && !m.frames.empty()) {
    auto outputs = packager_->begin_publication({.number = data.publications,
                                                 .anchor_wall_us = m.start.anchor_wall_us,
                                                 .anchor_ms = m.start.anchor_ms,
                                                 .expects_video = m.start.expects_video,
                                                 .expects_audio = m.start.expects_audio});
    if (!outputs) {
      return fail(std::move(outputs.error()));
    }
    began_ = true;
    publish(ctx, std::move(*outputs));
  }
  dropped_ = m.dropped;
  problems_ = m.problems;
  for (const auto& f : m.frames) {
    if (auto pushed = push(ctx, f); !pushed) {
      return fail(std::move(pushed.error()));
    }
  }
  if (!m.frames.empty() && data.status != status::live) {
    went_live(ctx);
  }
  if (data.last && data.last->publication.number == data.publications &&
      stored_publication_ != data.publications) {
    stored_publication_ = data.publications;
    store_status(ctx);  // the publication's first segment: from here the numbering can be bounded
  }
  remember_key_frame_interval(ctx);
  return where_it_stands();
}

result<void> live_stream::push(runtime::context& ctx, const media::frame& f) {
  const bool is_video = f.track == media::track::video;
  auto& next = is_video ? data.next_video : data.next_audio;
  if (f.number < next) {
    return {};
  }
  auto outputs = packager_->push(f);
  if (!outputs) {
    return fail(std::move(outputs.error()));
  }
  next = f.number + 1;
  ++frames_seen_;
  d_.counters.frames.add();
  const auto& info = is_video ? packager_->video() : packager_->audio();
  auto& monitor = is_video ? video_ : audio_;
  monitor.add(f.dts_ms, f.data.size(), info && media::is_idr(*info, f.data.view()));
  publish(ctx, std::move(*outputs));
  return {};
}

void live_stream::publish(runtime::context& ctx, std::vector<media::output> outputs) {
  for (const auto& output : outputs) {
    if (const auto* finished = std::get_if<media::segment_finished>(&output)) {
      data.last = finished->state;
    } else if (const auto* part = std::get_if<media::part>(&output)) {
      d_.counters.parts.add();
      d_.counters.media_bytes.add(static_cast<double>(part->data.size()));
    }
  }
  if (packager_) {
    const auto skipped = packager_->skipped_frames();
    d_.counters.skipped_frames.add(
        static_cast<double>(skipped - std::min(skipped, skipped_counted_)));
    skipped_counted_ = skipped;
  }
  if (outputs.empty()) {
    return;
  }
  if (keeping_) {
    keeping_->publish(ctx, std::move(outputs));
  } else {
    d_.cache.publish(data.id, media::source_rendition, outputs);
  }
}

void live_stream::finish_publication(runtime::context& ctx) {
  if (!packager_ || !began_) {
    return;
  }
  began_ = false;
  if (auto outputs = packager_->finish(); outputs) {
    publish(ctx, std::move(*outputs));
  } else {
    log::error("the last frames of a publication are lost stream={}: {}", data.id,
               outputs.error().message);
  }
}

void live_stream::on(runtime::context& ctx, const close_publication& m) {
  if (m.publication != data.publication || data.status == status::ended) {
    return;  // a stale connection closes: the stream is another's by now
  }
  finish_publication(ctx);
  if (m.is_explicit && data.status != status::waiting) {
    log::info("publisher ended the stream stream={}", data.id);
    // The end goes on by itself; nobody waits for its answer.
    static_cast<void>(end(ctx));
  } else if (data.status == status::live) {
    log::info("publisher gone, waiting for it stream={} grace_s={}", data.id,
              d_.settings.grace.count());
    publisher_gone(ctx);
  }
}

void live_stream::went_live(runtime::context& ctx) {
  log::info("stream live stream={} publication={}", data.id, data.publication);
  set_status(status::live);
  tell_room(ctx);
  store_status(ctx);
  if (keeping_) {
    watch_over(ctx);
  }
}

void live_stream::publisher_gone(runtime::context& ctx) {
  set_status(status::reconnecting);
  tell_room(ctx);
  store_status(ctx);
  ctx.after(d_.settings.grace, grace_over{.publication = data.publication});
}

void live_stream::on(runtime::context& ctx, const grace_over& m) {
  if (data.status == status::reconnecting && m.publication == data.publication) {
    log::info("publisher did not come back stream={}", data.id);
    static_cast<void>(end(ctx));
  }
}

void live_stream::on(runtime::context&, const reconcile&) {}

void live_stream::on(runtime::context& ctx, const check_silence& m) {
  if (!is_stored_) {
    store_status(ctx);
  }
  if (m.publication != data.publication || data.status == status::ended) {
    return;
  }
  const auto checks = std::max<std::int64_t>(1, d_.settings.silence / check_every);
  const bool is_silent = m.frames_seen == frames_seen_;
  const auto silent_checks = is_silent ? m.silent_checks + 1 : 0;
  if (data.status == status::live && silent_checks >= checks) {
    log::warn("publisher is connected but silent, waiting for it stream={}", data.id);
    finish_publication(ctx);
    ++data.publication;  // should it wake up, it has to connect again
    publisher_gone(ctx);
  }
  ctx.after(check_every, check_silence{.publication = m.publication,
                                       .frames_seen = frames_seen_,
                                       .silent_checks = silent_checks});
}

void live_stream::set_status(status s) {
  if ((data.status == status::live) != (s == status::live)) {
    d_.counters.live.add(s == status::live ? 1 : -1);
  }
  data.status = s;
}

void live_stream::tell_room(runtime::context& ctx) const {
  ctx.send(runtime::entity_name_of("room", data.owner),
           chat::stream_changed{
               {.stream = data.id, .status = std::string(to_string(data.status)), .title = {}}});
}

void live_stream::store_status(runtime::context& ctx) {
  is_stored_ = false;
  const auto wanted = data.status;
  media::checkpoint initial;
  initial.target_duration_s = target_duration_s(data.key_frame_interval);
  auto reached = data.last.value_or(initial);
  reached.publication.number = data.publications;
  if (keeping_ && !keeping_->is_protected()) {
    ++reached.next_msn;  // a copy that ends before it is out of date
  }
  auto job = [&store = d_.store, id = data.id, epoch = static_cast<std::int64_t>(ctx.epoch()),
              now = ctx.wall(), wanted, progress = runtime::encode(reached)]() -> result<void> {
    auto written =
        wanted == status::live ? store.set_live(id, epoch, now) : store.set_reconnecting(id, epoch);
    if (!written) {
      return fail(std::move(written.error()));
    }
    return store.save_progress(id, epoch, now, progress);
  };
  static_cast<void>(ctx.run(std::move(job), [this, wanted](runtime::context& then,
                                                           result<void> stored) {
    if (stored) {
      is_stored_ = is_stored_ || wanted == data.status;
      tell_list();
    } else if (stored.error().reason == "fenced") {
      then.fail(std::move(stored.error()));
    } else {
      d_.counters.store_failures.add();
      log::warn("status not stored, will try again stream={}: {}", data.id, stored.error().message);
    }
  }));
}

void live_stream::tell_list() const {
  if (d_.stored != nullptr) {
    d_.stored->raise();
  }
}

void live_stream::remember_key_frame_interval(runtime::context& ctx) {
  const auto seen = std::chrono::milliseconds(
      static_cast<std::int64_t>(video_.key_frame_interval_s().value_or(0) * 1000));
  const bool matters = seen > std::chrono::seconds(usual_target_s) &&
                       target_duration_s(seen) > target_duration_s(data.key_frame_interval);
  if (!matters) {
    return;
  }
  data.key_frame_interval = seen;
  static_cast<void>(ctx.run([&store = d_.store, owner = data.owner,
                             seen] { return store.remember_key_frame_interval(owner, seen); },
                            [](runtime::context&, const result<void>& stored) {
                              if (!stored) {  // it will be measured again by the next stream
                                log::warn("key-frame interval not remembered: {}",
                                          stored.error().message);
                              }
                            }));
}

runtime::later<info> live_stream::on(runtime::context& ctx, const end_stream&) {
  return end(ctx);
}

runtime::later<info> live_stream::end(runtime::context& ctx) {
  // Viewers learn of it at once; should the store be away, it learns of it later.
  finish_publication(ctx);
  set_status(status::ended);
  tell_room(ctx);
  if (keeping_) {
    keeping_->end(ctx);
  }
  d_.cache.end(data.id);
  return ctx.run(
      [&store = d_.store, id = data.id, epoch = static_cast<std::int64_t>(ctx.epoch()),
       now = ctx.wall()] { return store.set_ended(id, epoch, now); },
      [this](runtime::context& then, result<storage::stream_record> row) -> result<info> {
        if (!row) {
          d_.counters.store_failures.add();
          log::warn("end not stored, will try again stream={}: {}", data.id, row.error().message);
          then.after(check_every, end_stream{});
          return fail(std::move(row.error()));
        }
        log::info("stream ended stream={}", data.id);
        tell_list();
        then.passivate();
        return to_info(*row, then.wall());
      });
}

result<health> live_stream::on(runtime::context&, const read_health&) const {
  health_facts facts;
  facts.status = data.status;
  facts.dropped_frames = dropped_;
  facts.edge_problems = problems_;
  facts.video = video_;
  facts.audio = audio_;
  if (packager_) {
    facts.video_info = packager_->video();
    facts.audio_info = packager_->audio();
  }
  return report(facts);
}

}  // namespace troupe::stream
