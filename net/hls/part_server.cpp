// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/part_server.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "media/cache_address.hpp"
#include "net/hls/part_messages.hpp"

namespace troupe::hls {
namespace {

/// Whom an answer goes to, and which question it answers.
struct return_address {
  std::string node;
  std::uint64_t incarnation = 0;
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  bool is_whole = true;  // as playlists are, and refusals
};

media::cached_answer busy() {
  media::cached_answer a;
  a.status = 503;
  return a;
}

}  // namespace

struct part_server::impl : std::enable_shared_from_this<part_server::impl> {
  using question = std::pair<std::uint64_t, std::uint64_t>;  // who asked, and its number

  struct waiting {
    std::string node;
    std::shared_ptr<std::atomic<bool>> is_gone;
  };

  struct unsent {
    return_address to;
    media::cached_answer with;
    steady_time since;
  };

  impl(const part_server_options& o, home_cache& h, runtime::link& w, const clock& c, metrics& m)
      : options(o),
        home(h),
        way(w),
        time(c),
        served(m.make_counter("troupe_hls_parts_served_total",
                              "Pieces of playlists and media given to other nodes")),
        refused(m.make_counter("troupe_hls_parts_refused_total",
                               "Requests of other nodes refused: too many waited, or garbled")),
        delayed(m.make_counter("troupe_hls_parts_delayed_total",
                               "Answers to other nodes that a link did not take at once")),
        dropped(m.make_counter("troupe_hls_parts_dropped_total",
                               "Answers to other nodes that no link took in time")) {}

  void take(std::string_view from, const runtime::envelope& what);
  void settle(const question& which, const return_address& to,
              const std::shared_ptr<std::atomic<bool>>& is_gone, media::cached_answer with);
  bool send(const return_address& to, const media::cached_answer& with);
  void send_or_keep(const return_address& to, media::cached_answer with);

  const part_server_options options;
  home_cache& home;
  runtime::link& way;
  const clock& time;
  metrics::counter& served;
  metrics::counter& refused;
  metrics::counter& delayed;
  metrics::counter& dropped;

  std::mutex mutex;
  bool is_stopped = false;
  std::map<question, waiting> open;
  std::vector<unsent> kept;
};

void part_server::impl::take(std::string_view from, const runtime::envelope& what) {
  return_address to{
      .node = std::string(from), .incarnation = what.from_incarnation, .number = what.number};
  const auto asked = decode_get(what.body);
  if (what.version != part_version || !asked) {
    refused.add();
    send_or_keep(to, busy());  // another version of the program, perhaps: its viewers try again
    return;
  }
  to.offset = asked->offset;
  const auto kind = media::parse_file(asked->file).kind;
  to.is_whole = kind == media::file_kind::master || kind == media::file_kind::playlist;
  const question which{what.from_incarnation, what.number};
  const auto is_gone = std::make_shared<std::atomic<bool>>(false);
  bool is_full = false;
  {
    const std::lock_guard lock(mutex);
    const auto at = open.find(which);
    if (is_stopped || (at != open.end() && !at->second.is_gone->load())) {
      return;  // it waits already: the asker is impatient
    }
    is_full = at == open.end() && open.size() >= options.most_waiting;
    if (!is_full) {
      open.insert_or_assign(which, waiting{to.node, is_gone});
    }
  }
  if (is_full) {
    refused.add();
    send_or_keep(to, busy());
    return;
  }
  home.get(
      asked->stream, asked->file, directives_of(*asked), [is_gone] { return is_gone->load(); },
      [me = shared_from_this(), which, to, is_gone](media::cached_answer with) {
        me->settle(which, to, is_gone, std::move(with));
      });
}

void part_server::impl::settle(const question& which, const return_address& to,
                               const std::shared_ptr<std::atomic<bool>>& is_gone,
                               media::cached_answer with) {
  {
    const std::lock_guard lock(mutex);
    const auto at = open.find(which);
    if (at != open.end() && at->second.is_gone == is_gone) {
      open.erase(at);
    }
    if (is_stopped || is_gone->load()) {
      return;
    }
  }
  send_or_keep(to, std::move(with));
}

/// False: the link does not take it now.
bool part_server::impl::send(const return_address& to, const media::cached_answer& with) {
  part_head head{.status = with.status, .max_age_s = with.max_age.count()};
  std::size_t size = 0;
  if (with.status == 200) {
    for (const auto& piece : with.body) {
      head.total += piece.size();
    }
    head.offset = std::min(to.offset, head.total);
    size = static_cast<std::size_t>(head.total - head.offset);
    size = to.is_whole ? size : std::min(size, chunk_bytes);
  }
  runtime::envelope e;
  e.kind = runtime::envelope_kind::control;
  e.type = data_type;
  e.version = part_version;
  e.number = to.number;
  e.from_incarnation = options.incarnation;
  e.to_incarnation = to.incarnation;
  e.body = encode_data(head, with, size);
  if (!way.send(to.node, runtime::link_stream::media, std::move(e))) {
    return false;
  }
  served.add();
  return true;
}

void part_server::impl::send_or_keep(const return_address& to, media::cached_answer with) {
  if (send(to, with)) {
    return;
  }
  delayed.add();
  const std::lock_guard lock(mutex);
  if (is_stopped || kept.size() >= options.most_unsent) {
    dropped.add();
    return;
  }
  kept.push_back({to, std::move(with), time.now()});
}

part_server::part_server(const part_server_options& options, home_cache& home, runtime::link& way,
                         const clock& time, metrics& counters)
    : impl_(std::make_shared<impl>(options, home, way, time, counters)) {}

part_server::~part_server() {
  const std::lock_guard lock(impl_->mutex);
  impl_->is_stopped = true;
  impl_->kept.clear();
  for (auto& [which, w] : impl_->open) {
    *w.is_gone = true;
  }
}

bool part_server::received(std::string_view from, runtime::link_stream on,
                           const runtime::envelope& what) {
  if (on != runtime::link_stream::media || what.kind != runtime::envelope_kind::control ||
      what.type != get_type) {
    return false;
  }
  if (what.to_incarnation == impl_->options.incarnation) {  // else for another start of this node
    impl_->take(from, what);
  }
  return true;
}

void part_server::peer_changed(std::string_view node, runtime::peer_state now) {
  if (now == runtime::peer_state::up) {
    return;
  }
  const std::lock_guard lock(impl_->mutex);
  for (auto& [which, w] : impl_->open) {
    if (w.node == node) {
      *w.is_gone = true;  // the cache lets go of it when it expires what waits
    }
  }
  std::erase_if(impl_->kept, [&](const impl::unsent& u) { return u.to.node == node; });
}

void part_server::tick(steady_time now) {
  std::vector<impl::unsent> again;
  {
    const std::lock_guard lock(impl_->mutex);
    again.swap(impl_->kept);
  }
  std::set<std::string> full;  // in order, so what comes after something unsent waits, too
  std::vector<impl::unsent> left;
  for (auto& u : again) {
    if (now - u.since > impl_->options.unsent_for) {
      impl_->dropped.add();
    } else if (full.contains(u.to.node) || !impl_->send(u.to, u.with)) {
      full.insert(u.to.node);
      left.push_back(std::move(u));
    }
  }
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->is_stopped) {
    impl_->kept.insert(impl_->kept.begin(), std::make_move_iterator(left.begin()),
                       std::make_move_iterator(left.end()));
  }
}

}  // namespace troupe::hls
