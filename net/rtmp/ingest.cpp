// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/ingest.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

#include "net/rtmp/ingest_session.hpp"

namespace troupe::rtmp {

namespace {

constexpr std::size_t accounts_before_cleaning = 1000;
constexpr auto account_life = std::chrono::minutes(2);  // by then its allowances are full again
constexpr auto complaint_interval = std::chrono::seconds(30);
constexpr std::size_t most_complainers = 1000;

}  // namespace

ingest_metrics::ingest_metrics(metrics& m)
    : publishers(m.make_gauge("troupe_ingest_publishers", "Connections that publish")),
      held_bytes(m.make_gauge("troupe_ingest_held_bytes",
                              "Frames kept for a new activation of their stream")),
      bytes_in(m.make_counter("troupe_ingest_bytes_total", "Bytes received over RTMP")),
      refused(m.make_counter("troupe_ingest_refused_total", "Publish requests refused")),
      protocol_errors(m.make_counter("troupe_ingest_protocol_errors_total",
                                     "Connections that broke the protocol")),
      dropped_frames(m.make_counter("troupe_ingest_dropped_frames_total",
                                    "Frames dropped because their stream could not keep up")),
      repaired_frames(m.make_counter("troupe_ingest_repaired_frames_total",
                                     "Frames whose timestamps went back and were held")),
      replays(
          m.make_counter("troupe_ingest_replays_total", "Times a stream's frames were sent again")),
      pings(
          m.make_counter("troupe_ingest_pings_total", "Pings sent to publishers that were silent")),
      quiet(m.make_counter("troupe_ingest_quiet_log_lines_total",
                           "Complaints about encoders kept out of the log, being repeated")) {}

ingest::ingest(ingest_settings s, const ingest_dependencies& d)
    : settings(s),
      needs(d),
      counters(d.counters),
      complaints_(complaint_interval, most_complainers) {}

std::unique_ptr<net::tcp_session> ingest::make_session(
    const std::shared_ptr<net::tcp_connection>& connection) {
  return std::make_unique<ingest_session>(*this, connection);
}

bool ingest::enter(stream_id stream, const std::shared_ptr<net::tcp_connection>& connection) {
  std::shared_ptr<net::tcp_connection> older;
  {
    const std::lock_guard lock(mutex_);
    const auto found = publishers_.find(stream);
    const bool is_new = found == publishers_.end();
    if (is_new && settings.streams_total != 0 && publishers_.size() >= settings.streams_total) {
      return false;
    }
    auto& slot = publishers_[stream];
    older = slot.lock();
    slot = connection;
  }
  if (older && older != connection) {
    older->post([](net::tcp_session& s) { static_cast<ingest_session&>(s).taken_over(); });
  }
  return true;
}

void ingest::leave(stream_id stream, const net::tcp_connection* connection) {
  const std::lock_guard lock(mutex_);
  const auto found = publishers_.find(stream);
  if (found != publishers_.end() && found->second.lock().get() == connection) {
    publishers_.erase(found);
  }
}

std::shared_ptr<publisher_account> ingest::account_of(user_id user) {
  const std::lock_guard lock(mutex_);
  if (accounts_.size() >= accounts_before_cleaning) {
    forget_unused_accounts();
  }
  auto& account = accounts_[user];
  if (!account) {
    account = std::make_shared<publisher_account>();
  }
  return account;
}

void ingest::complain(log::level level, std::string_view kind, const std::string& remote,
                      stream_id stream, std::string_view what) {
  const auto before = complaints_.admit(fmt::format("{} {}", kind, remote), needs.time.now());
  if (!before) {
    counters.quiet.add();
    return;
  }
  const auto repeated = *before == 0 ? std::string() : fmt::format(" repeated={}", *before);
  const auto line =
      fmt::format("rtmp: {} remote={} stream={}{}: {}", kind, remote, stream, repeated, what);
  if (level == log::level::warn) {
    log::warn("{}", line);
  } else {
    log::info("{}", line);
  }
}

void ingest::forget_unused_accounts() {
  const auto since = needs.time.now() - account_life;
  std::erase_if(accounts_, [&](const auto& each) {
    return each.second.use_count() == 1 && each.second->is_unused_since(since);
  });
}

}  // namespace troupe::rtmp
