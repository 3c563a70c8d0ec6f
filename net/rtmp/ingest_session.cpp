// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/ingest_session.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/log.hpp"

namespace troupe::rtmp {
namespace {

// Enough that the round trip to the actor does not matter, few enough that a stuck one is noticed.
constexpr std::size_t batches_in_flight = 16;
constexpr std::size_t answers_waiting = batches_in_flight / 2;
// A publisher's socket is read this often while it flows: a third less CPU for 10 ms more delay.
constexpr duration reading_grid = std::chrono::milliseconds(40);
constexpr std::size_t full_read =
    std::size_t{64} * 1024;  // see tcp_session::on_bytes(): more waits
constexpr std::size_t frames_per_batch = 256;
// Far below what a message to another node may have (runtime::largest_envelope), and what is in
// flight far below what waits for a node at most.
constexpr std::size_t bytes_per_batch = std::size_t{1} << 20;
constexpr auto push_deadline = std::chrono::seconds(5);
constexpr auto retry_after = std::chrono::milliseconds(300);
constexpr int most_attempts = 20;
constexpr std::size_t most_problems = 16;
constexpr int pings_per_silence = 3;  // two may get lost on their way through a busy encoder

/// Whether opening the publication again can help.
bool is_passing(const error& e) {
  return e.code == errc::unavailable || e.code == errc::deadline_exceeded ||
         e.code == errc::internal || e.reason == "session_lost" ||
         e.reason == "unknown_publication";
}

/// The stream has moved, or begun anew, and waits for its frames: players wait, too.
bool is_ready_again(const error& e) {
  return e.reason == "unknown_publication" || e.reason == "session_lost" ||
         e.reason == "activation_lost";
}

runtime::entity_name name_of(stream_id id) {
  return runtime::entity_name_of("stream", id);
}

}  // namespace

ingest_session::ingest_session(ingest& owner,
                               const std::shared_ptr<net::tcp_connection>& connection)
    : owner_(owner),
      self_(connection),
      connection_(*connection),
      window_(owner.settings.window_bytes),
      sender_(owner.needs.entities.open_session()),
      answers_(std::make_shared<push_answers>(answers_waiting)) {
  connection_.set_deadline(owner.settings.publish_deadline);
}

ingest_session::~ingest_session() {
  owner_.counters.held_bytes.add(-static_cast<double>(held_reported_));
}

template <class T, class F>
callback<T> ingest_session::here(F f) {
  return [connection = self_, f = std::move(f)](result<T> answer) mutable {
    if (const auto alive = connection.lock()) {
      alive->post([f = std::move(f), answer = std::move(answer)](net::tcp_session& s) mutable {
        f(static_cast<ingest_session&>(s), std::move(answer));
      });
    }
  };
}

void ingest_session::on_bytes(byte_view data) {
  owner_.counters.bytes_in.add(static_cast<double>(data.size()));
  if (!is_within_bitrate(data.size())) {
    refuse(status_code::failed, "the bitrate is above this server's limit");
    return;
  }
  take_answers();
  if (protocol_.wants_close()) {
    return;  // the stream refused it meanwhile
  }
  if (const auto fed = protocol_.feed(data); !fed) {
    owner_.counters.protocol_errors.add();
    owner_.complain(log::level::warn, "protocol error", connection_.remote_address(), stream_,
                    fed.error().message);
    handle_events();
    flush();
    connection_.close();
    return;
  }
  handle_events();
  if (window_.has_batch() || has_news_) {
    send_frames();
  }
  rest(data.size());
  flush();
}

void ingest_session::rest(std::size_t arrived) {
  if (!is_open_ || arrived >= full_read) {
    return;
  }
  // All publishers of a thread wake together, and frames come several at a time.
  const auto now = owner_.needs.time.now().time_since_epoch();
  is_resting_ = true;
  wake_ = connection_.thread().call_after(reading_grid - now % reading_grid, [this] {
    is_resting_ = false;
    take_answers();
    flush();
  });
}

bool ingest_session::is_within_bitrate(std::size_t arrived) {
  const auto limit = owner_.settings.bitrate_limit_bps;
  const auto now = owner_.needs.time.now();
  return account_ ? account_->spend(arrived, limit, now)
                  : unknown_traffic_.take(arrived, limit, now);
}

void ingest_session::handle_events() {
  while (auto next = protocol_.next_event()) {
    std::visit([this](auto& e) { handle(std::move(e)); }, *next);
  }
}

void ingest_session::flush() {
  auto output = protocol_.take_output();
  if (!output.empty()) {
    connection_.send(shared_bytes(std::move(output)));
  }
  if (protocol_.wants_close()) {
    connection_.close();
  } else if (!protocol_.wants_input()) {
    connection_.pause_reading();
  } else if (is_resting_) {
    connection_.rest_reading();
  } else {
    connection_.resume_reading();
  }
}

void ingest_session::handle(publish_requested&& request) {
  log::debug("rtmp: publish requested remote={} app={} encoder={}", connection_.remote_address(),
             request.app, request.encoder);
  owner_.needs.accounts.owner_of_key(
      std::move(request.key), here<account::user>([](ingest_session& s, result<account::user> u) {
        s.on_owner(std::move(u));
      }));
}

void ingest_session::on_owner(result<account::user> owner) {
  if (!owner) {
    const bool is_wrong = owner.error().code == errc::unauthenticated;
    refuse(is_wrong ? status_code::unauthorized : status_code::failed,
           is_wrong ? "nobody has this stream key" : owner.error().message);
    return;
  }
  user_ = owner->id;
  account_ = owner_.account_of(user_);
  if (!account_->begin(owner_.needs.time.now())) {
    refuse(status_code::failed, "this key began to publish too often: wait a minute");
    return;
  }
  if (!is_within_bitrate(0)) {
    refuse(status_code::failed, "the bitrate was above this server's limit a moment ago");
    return;
  }
  owner_.needs.streams.start(
      {.id = owner->id, .username = owner->username, .is_administrator = false}, std::nullopt,
      std::nullopt, here<stream::info>([](ingest_session& s, result<stream::info> found) {
        s.on_stream(s.user_, std::move(found));
      }));
}

void ingest_session::on_stream(user_id, result<stream::info> found) {
  if (!found) {
    refuse(status_code::failed, found.error().message);
    return;
  }
  const auto alive = self_.lock();
  if (!alive || !owner_.enter(found->id, alive)) {
    refuse(status_code::failed, "this server has as many streams as it can take");
    return;
  }
  stream_ = found->id;
  publication_ = static_cast<std::uint64_t>(owner_.needs.ids.next());
  window_ = frame_window(owner_.settings.window_bytes);
  reached_.reset();
  start_.reset();
  attempts_ = 0;
  furthest_ = 0;
  formats_ = {};
  problems_.clear();
  open_publication();
}

void ingest_session::open_publication() {
  ++opening_;
  is_open_ = false;
  in_flight_ = 0;
  stream::open_publication m{
      .publication = publication_, .owner = user_, .number = 0, .resume = std::nullopt};
  if (reached_) {
    m.number = reached_->number;
    m.resume = reached_->checkpoint;
  }
  owner_.needs.entities.ask(
      sender_, name_of(stream_), std::move(m), push_deadline,
      here<stream::resume_point>([opening = opening_](ingest_session& s, auto reached) {
        if (opening == s.opening_) {
          s.on_opened(std::move(reached));
        }
      }));
}

void ingest_session::on_opened(result<stream::resume_point> reached) {
  if (publication_ == 0) {
    return;  // it ended meanwhile
  }
  if (!reached) {
    on_stream_error(reached.error());
    return;
  }
  reached_ = std::move(*reached);
  is_open_ = true;
  window_.settle(*reached_);
  window_.rewind();
  if (!has_accepted_) {
    has_accepted_ = true;
    connection_.set_deadline({});
    connection_.set_idle_limit(owner_.settings.silence);
    ping_ = connection_.thread().call_every(owner_.settings.silence / pings_per_silence,
                                            [this] { ping_if_silent(); });
    owner_.counters.publishers.add(1);
    log::info("rtmp: publishing stream={} remote={}", stream_, connection_.remote_address());
    if (const auto accepted = protocol_.accept(); !accepted) {
      owner_.counters.protocol_errors.add();
      owner_.complain(log::level::warn, "protocol error", connection_.remote_address(), stream_,
                      accepted.error().message);
      connection_.close();
      return;
    }
    handle_events();
  }
  send_frames();
  flush();
}

/// An encoder may have nothing to send for a while. One that is there answers, which keeps the
/// connection from being idle; one that is gone does not, and is closed when the limit is reached.
void ingest_session::ping_if_silent() {
  const auto& seen = protocol_.statistics();
  if (std::exchange(received_at_ping_, seen.bytes_in) == seen.bytes_in) {
    const auto now = owner_.needs.time.now().time_since_epoch();
    // Milliseconds since some moment, modulo 2^32 (RTMP 1.0, 7.1.7).
    protocol_.ping(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
    owner_.counters.pings.add();
    flush();
  }
}

/// Each change costs viewers a segment and a decoder of their own: beyond a few it is an attack.
bool ingest_session::is_steady(const media::frame& frame) {
  auto& known = formats_[frame.track == media::track::video ? 0 : 1];
  const bool is_change = known && known != frame.format;
  known = frame.format;
  return !is_change || changes_.take(owner_.needs.time.now());
}

void ingest_session::handle(media::frame&& frame) {
  if (publication_ == 0) {
    return;  // what came in one piece with the reason for its end
  }
  if (!is_steady(frame)) {
    refuse(status_code::failed, "the codec configuration changes too often");
    return;
  }
  has_news_ =
      std::erase_if(problems_, [&](const problem& p) { return p.track == frame.track; }) > 0 ||
      has_news_;
  if (!start_) {
    start_ = {.anchor_wall_us = owner_.needs.time.wall().time_since_epoch().count(),
              .anchor_ms = frame.dts_ms,
              .expects_video = expects_video_,
              .expects_audio = expects_audio_};
  }
  if (window_.add(std::move(frame))) {
    return;
  }
  owner_.counters.dropped_frames.add();
  if (!window_.has_settled()) {
    // Nothing was ever packaged: without a first key frame it never will be, and the window stays
    // full.
    refuse(status_code::failed, "no key frame came: set the key-frame interval to 2 s");
  }
}

void ingest_session::handle(const metadata& m) {
  const bool names_video = m.number("videocodecid").has_value() || !m.text("videocodecid").empty();
  const bool names_audio = m.number("audiocodecid").has_value() || !m.text("audiocodecid").empty();
  if (names_video || names_audio) {  // else it says nothing of either
    expects_video_ = names_video;
    expects_audio_ = names_audio;
  }
}

void ingest_session::handle(problem&& p) {
  owner_.complain(log::level::info, p.code, connection_.remote_address(), stream_, p.message);
  if (problems_.size() < most_problems) {
    problems_.push_back(std::move(p));
    has_news_ = true;
  }
}

void ingest_session::handle(const publish_ended& e) {
  close_publication(e.is_explicit);
}

void ingest_session::send_frames() {
  while (is_open_ && in_flight_ < batches_in_flight && (window_.has_unsent() || has_news_)) {
    has_news_ = false;
    stream::push_frames m{.publication = publication_,
                          .start = start_.value_or(stream::publication_start{}),
                          .frames = window_.take(frames_per_batch, bytes_per_batch),
                          .dropped = window_.dropped(),
                          .problems = {}};
    for (const auto& p : problems_) {
      m.problems.push_back({p.code, p.message});
    }
    ++in_flight_;
    owner_.needs.entities.ask(sender_, name_of(stream_), std::move(m), push_deadline,
                              [answers = answers_, opening = opening_,
                               connection = self_](result<stream::resume_point> reached) {
                                if (!answers->put(opening, std::move(reached))) {
                                  return;
                                }
                                if (const auto alive = connection.lock()) {
                                  alive->post([](net::tcp_session& s) {
                                    static_cast<ingest_session&>(s).take_answers();
                                  });
                                }
                              });
  }
  update_held_metric();
}

void ingest_session::take_answers() {
  auto answers = answers_->take();
  if (answers.count == 0 || answers.opening != opening_ || publication_ == 0) {
    return;  // of a publication that was opened again, or is over
  }
  in_flight_ -= answers.count;
  if (answers.reached) {
    // A frame that breaks its stream each time must not be sent again for ever.
    const auto position = answers.reached->next_video + answers.reached->next_audio;
    if (position > furthest_) {
      furthest_ = position;
      attempts_ = 0;
    }
    reached_ = std::move(answers.reached);
    window_.settle(*reached_);
  }
  if (answers.failure) {
    on_stream_error(*answers.failure);
    return;
  }
  send_frames();
}

void ingest_session::on_stream_error(const error& e) {
  if (!is_passing(e)) {
    const bool is_replaced = e.code == errc::conflict;
    refuse(is_replaced ? status_code::bad_name : status_code::failed, e.message);
  } else if (++attempts_ > most_attempts) {
    refuse(status_code::failed, e.message);
  } else {
    const bool is_move = attempts_ == 1 && is_ready_again(e);
    log::at(is_move ? log::level::info : log::level::warn,
            "rtmp: the stream does not answer, trying again stream={}: {}", stream_, e.message);
    reopen_in(is_move ? duration::zero() : duration(retry_after));
  }
}

void ingest_session::reopen_in(duration pause) {
  ++opening_;
  is_open_ = false;
  owner_.counters.replays.add();
  sender_ = owner_.needs.entities.open_session();
  retry_ = connection_.thread().call_after(pause, [this] { open_publication(); });
}

void ingest_session::refuse(std::string_view code, const std::string& why) {
  owner_.counters.refused.add();
  owner_.complain(log::level::info, "refused", connection_.remote_address(), stream_, why);
  close_publication(false);
  protocol_.refuse(code, why);
  flush();
}

void ingest_session::close_publication(bool is_explicit) {
  retry_.cancel();
  wake_.cancel();
  ping_.cancel();
  is_resting_ = false;
  if (publication_ == 0) {
    return;
  }
  if (is_open_) {
    send_frames();
    owner_.needs.entities.tell(
        sender_, name_of(stream_),
        stream::close_publication{.publication = publication_, .is_explicit = is_explicit});
  }
  if (has_accepted_) {
    owner_.counters.publishers.add(-1);
    const auto repaired = protocol_.statistics().media.timestamps_clamped;
    owner_.counters.repaired_frames.add(static_cast<double>(repaired - repaired_reported_));
    repaired_reported_ = repaired;
  }
  owner_.leave(stream_, &connection_);
  publication_ = 0;
  is_open_ = false;
  has_accepted_ = false;
}

void ingest_session::update_held_metric() {
  owner_.counters.held_bytes.add(static_cast<double>(window_.held_bytes()) -
                                 static_cast<double>(held_reported_));
  held_reported_ = window_.held_bytes();
}

void ingest_session::taken_over() {
  refuse(status_code::bad_name, "another connection publishes with this key");
}

void ingest_session::on_closed(net::close_reason reason) {
  protocol_.end_of_input();
  handle_events();
  close_publication(false);
  log::debug("rtmp: closed remote={} stream={} reason={}", connection_.remote_address(), stream_,
             net::to_string(reason));
}

bool ingest_session::on_end() {
  return false;  // nothing to tell an encoder that has gone
}

bool ingest_session::on_deadline() {
  owner_.counters.refused.add();
  owner_.complain(log::level::info, "late", connection_.remote_address(), stream_,
                  "nothing was published in time");
  return false;
}

bool ingest_session::on_stop() {
  protocol_.request_reconnect("", "this server restarts");
  flush();
  return false;
}

}  // namespace troupe::rtmp
