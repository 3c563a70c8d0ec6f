// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/remote_cache.hpp"

#include <utility>

#include "net/hls/part_messages.hpp"
#include "net/hls/remote_cache_impl.hpp"

namespace troupe::hls {
namespace {

// RFC 8216bis, 6.2.5.2: three target durations, of which the longest is 10 s. The stream's node
// counts by the stream's own and is done before.
constexpr auto longest_blocked = std::chrono::seconds(31);
// For what is there already: a dead node's streams answer again within 3 s.
constexpr auto longest_fetch = std::chrono::seconds(8);
constexpr std::size_t most_places = 4096;

}  // namespace

media::cached_answer refusal_of(int status) {
  const auto sentence = [&]() -> std::string_view {
    switch (status) {
      case 400:
        return "That segment or part is too far in the future, or the directives are malformed.";
      case 404:
        return "There is no such stream or file.";
      default:
        return "The stream's node does not answer, or too many wait: try again.";
    }
  };
  return {status, "text/plain", std::chrono::seconds(1), {}, sentence()};
}

part_get question_for(const wanted_file& what) {
  part_get question;
  question.stream = what.stream;
  question.file = what.file;
  if (what.position) {
    question.msn = what.position->msn;
    question.part = what.position->part < 0 ? std::nullopt : std::optional(what.position->part);
  }
  question.is_delta = what.is_delta;
  return question;
}

remote_figures::remote_figures(metrics& m)
    : fetches(m.make_counter("troupe_hls_fetches_total",
                             "Playlists and media asked of the nodes that have their streams")),
      collapsed(m.make_counter("troupe_hls_fetches_shared_total",
                               "Requests that waited for what was being fetched already")),
      kept(m.make_counter("troupe_hls_fetched_hits_total",
                          "Requests answered with what had been fetched before")),
      missing(m.make_counter("troupe_hls_fetched_missing_total",
                             "Requests for what another node had just said is not there")),
      bytes(m.make_counter("troupe_hls_fetched_bytes_total",
                           "Bytes of playlists and media from other nodes")),
      rerouted(m.make_counter("troupe_hls_fetches_rerouted_total",
                              "Fetches that went to another node than at first")),
      late(m.make_counter("troupe_hls_fetches_failed_total", "Fetches that ended without an answer",
                          {{"why", "deadline"}})),
      refused(m.make_counter("troupe_hls_fetches_failed_total",
                             "Fetches that ended without an answer", {{"why", "too_many"}})),
      garbled(m.make_counter("troupe_hls_fetches_failed_total",
                             "Fetches that ended without an answer", {{"why", "garbled"}})),
      waiting(m.make_gauge("troupe_hls_fetch_waiting_requests",
                           "Requests that wait for what is fetched from other nodes")),
      kept_bytes(m.make_gauge("troupe_hls_fetched_kept_bytes",
                              "Media of other nodes' streams held in memory")) {}

remote_cache::impl::impl(const remote_cache_options& o, remote_cache_parts p)
    : options(o), parts(std::move(p)), figures(parts.counters), kept(o.kept_bytes) {}

void remote_cache::impl::want_it(wanted_file what, remote_waiter w) {
  remote_effects out;
  {
    const std::lock_guard lock(mutex);
    const auto now = parts.time.now();
    const auto same = by_key.find(what.key());
    if (auto known = kept.find(what, now)) {
      figures.kept.add();
      out.answers.push_back({std::move(w.answer), *std::move(known)});
    } else if (kept.is_missing(what, now)) {
      figures.missing.add();
      out.answers.push_back({std::move(w.answer), refusal_of(404)});
    } else if (is_stopped || waiting >= options.most_waiting ||
               (same == by_key.end() && fetches.size() >= options.most_fetches)) {
      figures.refused.add();
      out.answers.push_back({std::move(w.answer), refusal_of(503)});
    } else {
      ++waiting;
      figures.waiting.add(1);
      if (same != by_key.end()) {
        figures.collapsed.add();
        fetches.at(same->second).waiters.push_back(std::move(w));
      } else {
        begin(std::move(what), std::move(w), out);
      }
    }
  }
  carry_out(std::move(out));
}

void remote_cache::impl::begin(wanted_file what, remote_waiter w, remote_effects& out) {
  // The part that a preload hint names waits, too.
  const bool may_block = what.position || what.kind == media::file_kind::part;
  fetch f;
  f.number = next_number++;
  f.deadline = parts.time.now() + (may_block ? duration(longest_blocked) : duration(longest_fetch));
  f.what = std::move(what);
  f.waiters.push_back(std::move(w));
  figures.fetches.add();
  by_key.emplace(f.what.key(), f.number);
  const auto at = fetches.emplace(f.number, std::move(f)).first;
  route(at, out);
}

remote_cache::impl::fetch_map::iterator remote_cache::impl::finish(fetch_map::iterator which,
                                                                   const media::cached_answer& with,
                                                                   remote_effects& out) {
  auto& f = which->second;
  for (auto& w : f.waiters) {
    out.answers.push_back({std::move(w.answer), with});
  }
  waiting -= f.waiters.size();
  figures.waiting.add(-static_cast<double>(f.waiters.size()));
  by_key.erase(f.what.key());
  const auto place = places.find(f.what.stream);
  const auto next = fetches.erase(which);
  if (place != places.end() && place->second.is_forgettable()) {
    places.erase(place);
  } else if (places.size() > most_places) {
    std::erase_if(places, [](const auto& p) { return !p.second.is_looked_up; });
  }
  return next;
}

void remote_cache::impl::carry_out(remote_effects e) {
  for (auto& a : e.answers) {
    a.answer(std::move(a.with));
  }
  for (auto& [what, w] : e.own) {
    answer_own(what, std::move(w));
  }
  for (const auto stream : e.lookups) {
    look_up(stream);
  }
}

void remote_cache::impl::look_up(stream_id stream) {
  parts.locate(stream, [weak = weak_from_this(),
                        stream](const result<std::optional<runtime::entity_owner>>& owner) {
    if (const auto me = weak.lock()) {
      me->located(stream, owner);
    }
  });
}

void remote_cache::impl::answer_own(const wanted_file& what, remote_waiter w) {
  parts.home.get(what.stream, what.file, directives_of(question_for(what)), std::move(w.is_gone),
                 [answer = std::move(w.answer)](media::cached_answer a) mutable {
                   // The store says that it is ours, and it is not here: it is over.
                   const bool is_over = a.status == media::elsewhere_status;
                   const bool is_coming = a.status == coming_status;
                   answer(is_over || is_coming ? refusal_of(is_over ? 404 : 503) : std::move(a));
                 });
}

/// Clients that have left; what nobody waits for ends, unless it is on its way.
void remote_cache::impl::drop_gone(remote_effects& out) {
  for (auto at = fetches.begin(); at != fetches.end();) {
    auto& f = at->second;
    std::erase_if(f.waiters, [&](remote_waiter& w) {
      if (!w.is_gone || !w.is_gone()) {
        return false;
      }
      out.answers.push_back({std::move(w.answer), refusal_of(503)});
      --waiting;
      figures.waiting.add(-1);
      return true;
    });
    const bool is_over = f.waiters.empty() && f.at != fetch::stage::asking;
    at = is_over ? finish(at, refusal_of(503), out) : std::next(at);
  }
}

remote_cache::remote_cache(const remote_cache_options& options, remote_cache_parts parts)
    : impl_(std::make_shared<impl>(options, std::move(parts))) {}

remote_cache::~remote_cache() {
  remote_effects out;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopped = true;
    for (auto at = impl_->fetches.begin(); at != impl_->fetches.end();) {
      at = impl_->finish(at, refusal_of(503), out);
    }
  }
  impl_->carry_out(std::move(out));
}

void remote_cache::get(stream_id stream, std::string_view file,
                       const media::delivery_directives& directives, gone_check is_gone,
                       done answer) {
  if (media::parse_file(file).kind == media::file_kind::unknown) {
    answer(refusal_of(404));
    return;
  }
  // Whoever asks has two who look whether it left: the cache here, then this.
  const auto gone = std::make_shared<gone_check>(std::move(is_gone));
  impl_->parts.home.get(
      stream, file, directives, [gone] { return *gone && (*gone)(); },
      [me = impl_, gone, stream, file = std::string(file), directives,
       answer = std::move(answer)](media::cached_answer a) mutable {
        if (a.status != media::elsewhere_status && a.status != coming_status) {
          answer(std::move(a));
        } else if (auto what = want(stream, media::parse_file(file), directives)) {
          me->want_it(*std::move(what), {[gone] { return *gone && (*gone)(); }, std::move(answer)});
        } else {
          answer(refusal_of(400));
        }
      });
}

void remote_cache::expire(steady_time now) {
  impl_->parts.home.cache().expire(now);
  remote_effects out;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->drop_gone(out);
    impl_->kept.purge(now);
    impl_->figures.kept_bytes.set(static_cast<double>(impl_->kept.bytes()));
  }
  impl_->carry_out(std::move(out));
}

void remote_cache::tick(steady_time now) {
  impl_->parts.home.release_moved();
  remote_effects out;
  {
    const std::lock_guard lock(impl_->mutex);
    for (auto at = impl_->fetches.begin(); at != impl_->fetches.end();) {
      if (now >= at->second.deadline) {
        impl_->figures.late.add();
        at = impl_->finish(at, refusal_of(503), out);
      } else {
        const auto which = at++;
        impl_->wake(which, now, out);
      }
    }
  }
  impl_->carry_out(std::move(out));
}

}  // namespace troupe::hls
