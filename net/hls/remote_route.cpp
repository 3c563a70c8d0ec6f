// SPDX-License-Identifier: GPL-3.0-or-later
// Which node a fetch goes to, and what becomes of its answer.
#include <algorithm>
#include <utility>

#include "net/hls/part_messages.hpp"
#include "net/hls/remote_cache_impl.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::hls {
namespace {

constexpr auto first_patience = std::chrono::seconds(1);  // then it is asked again
constexpr auto longest_patience = std::chrono::seconds(4);
constexpr auto pause = std::chrono::milliseconds(100);            // between tries to find an owner
constexpr auto between_lookups = std::chrono::milliseconds(250);  // of one stream, in the store

// A new owner has the stream's media back by then, or will not.
constexpr auto fresh_owner = std::chrono::seconds(5);

constexpr std::string_view playlist_type = "application/vnd.apple.mpegurl";
constexpr std::string_view media_type = "video/mp4";

bool may_live(runtime::member_state s) {
  return s != runtime::member_state::left && s != runtime::member_state::dead;
}

}  // namespace

bool remote_cache::impl::is_live(const runtime::entity_owner& owner) const {
  const auto view = parts.members.view();
  return std::ranges::any_of(view->members, [&](const runtime::member& m) {
    return m.node == owner.node && m.incarnation == owner.incarnation && may_live(m.state);
  });
}

/// By what is known, or by what the store says.
void remote_cache::impl::route(fetch_map::iterator which, remote_effects& out) {
  auto& f = which->second;
  auto& place = places[f.what.stream];
  if (place.owner && f.denied != place.owner && is_live(*place.owner)) {
    found(which, place.owner, out);
    return;
  }
  f.at = fetch::stage::locating;
  if (place.is_looked_up) {
    return;
  }
  if (lookups >= options.most_lookups) {
    figures.refused.add();
    finish(which, refusal_of(503), out);
    return;
  }
  ++lookups;
  place.owner.reset();
  place.is_looked_up = true;
  out.lookups.push_back(f.what.stream);
}

void remote_cache::impl::located(stream_id stream,
                                 const result<std::optional<runtime::entity_owner>>& owner) {
  remote_effects out;
  {
    const std::lock_guard lock(mutex);
    if (is_stopped) {
      return;
    }
    --lookups;
    auto& place = places[stream];
    place.is_looked_up = false;
    place.looked_up = parts.time.now();
    if (owner) {
      place.owner = *owner;
    }
    if (place.owner && place.before != place.owner) {
      if (place.before) {
        place.changed = place.looked_up;
      }
      place.before = place.owner;
    }
    if (owner && !*owner) {
      kept.keep_missing(stream, place.looked_up);
    }
    std::vector<fetch_map::iterator> those;
    for (auto at = fetches.begin(); at != fetches.end(); ++at) {
      if (at->second.what.stream == stream && at->second.at == fetch::stage::locating) {
        those.push_back(at);
      }
    }
    for (const auto at : those) {
      found(at, owner, out);
    }
    const auto left = places.find(stream);
    if (left != places.end() && left->second.is_forgettable()) {
      places.erase(left);
    }
  }
  carry_out(std::move(out));
}

void remote_cache::impl::found(fetch_map::iterator which,
                               const result<std::optional<runtime::entity_owner>>& owner,
                               remote_effects& out) {
  auto& f = which->second;
  if (!owner) {
    list_guesses(f, {});
    guess(which, out);
  } else if (!*owner) {
    finish(which, refusal_of(404), out);
  } else if ((*owner)->node == options.node && (*owner)->incarnation == options.incarnation) {
    if (parts.home.standing_of(f.what.stream) == standing::coming) {
      rest(f);
      return;
    }
    for (auto& w : f.waiters) {
      out.own.emplace_back(f.what, std::move(w));
    }
    waiting -= f.waiters.size();
    figures.waiting.add(-static_cast<double>(f.waiters.size()));
    f.waiters.clear();
    places.erase(f.what.stream);
    finish(which, refusal_of(404), out);
  } else if (f.denied == *owner) {
    not_there(which, out);  // it has the stream, and the stream is over
  } else if (is_live(**owner) && !down.contains((*owner)->node)) {
    ask(which, **owner, role::owner, out);
  } else {
    f.from = **owner;
    unreachable(which, out);
  }
}

void remote_cache::impl::ask(fetch_map::iterator which, const runtime::entity_owner& whom, role as,
                             remote_effects& out) {
  auto& f = which->second;
  if (!f.from.node.empty() && f.from != whom) {
    figures.rerouted.add();
  }
  f.from = whom;
  f.as = as;
  f.at = fetch::stage::asking;
  f.patience = first_patience;
  f.due = parts.time.now() + f.patience;
  f.got.forget_asked();
  if (ask_more(f)) {
    f.has_tried_others = f.has_tried_others && as == role::guess;
    return;
  }
  if (as == role::guess) {
    guess(which, out);
  } else {
    unreachable(which, out);
  }
}

bool remote_cache::impl::ask_more(fetch& f) {
  auto question = question_for(f.what);
  while (const auto offset = f.got.next()) {
    question.offset = *offset;
    runtime::envelope e;
    e.kind = runtime::envelope_kind::control;
    e.type = get_type;
    e.version = part_version;
    e.number = f.number;
    e.from_incarnation = options.incarnation;
    e.to_incarnation = f.from.incarnation;
    e.body = runtime::encode(question);
    if (!parts.way.send(f.from.node, runtime::link_stream::media, std::move(e))) {
      return false;
    }
  }
  return true;
}

/// The owner is dead, or there is no way to it: others may hold its media.
void remote_cache::impl::unreachable(fetch_map::iterator which, remote_effects& out) {
  auto& f = which->second;
  if (!f.what.is_media() || std::exchange(f.has_tried_others, true)) {
    rest(f);
    return;
  }
  list_guesses(f, f.from.node);
  guess(which, out);
}

/// All others, whom the view proposes for the stream last: it is asked first.
void remote_cache::impl::list_guesses(fetch& f, std::string_view without) const {
  f.guesses.clear();
  auto view = *parts.members.view();
  std::erase_if(view.members,
                [&](const runtime::member& m) { return m.node == without || !may_live(m.state); });
  const auto first = runtime::propose_owner(view, runtime::entity_name_of("stream", f.what.stream));
  for (const auto& m : view.members) {
    if (m.node != options.node) {
      const auto at = first == m.node ? f.guesses.end() : f.guesses.begin();
      f.guesses.insert(at, {m.node, m.incarnation, 0});
    }
  }
}

/// Whoever is left to be asked.
void remote_cache::impl::guess(fetch_map::iterator which, remote_effects& out) {
  auto& f = which->second;
  while (!f.guesses.empty() && down.contains(f.guesses.back().node)) {
    f.guesses.pop_back();
  }
  if (f.guesses.empty()) {
    rest(f);
    return;
  }
  const auto whom = f.guesses.back();
  f.guesses.pop_back();
  ask(which, whom, role::guess, out);
}

void remote_cache::impl::rest(fetch& f) {
  f.at = fetch::stage::resting;
  f.due = parts.time.now() + pause;
}

/// Who was asked has neither the stream nor the file.
void remote_cache::impl::denied(fetch_map::iterator which, remote_effects& out) {
  auto& f = which->second;
  switch (f.as) {
    case role::owner:
      f.denied = f.from;
      if (auto& place = places[f.what.stream]; place.owner == f.from) {
        place.owner.reset();
      }
      route(which, out);
      break;
    case role::guess:
      guess(which, out);
      break;
  }
}

void remote_cache::impl::not_there(fetch_map::iterator which, remote_effects& out) {
  const auto now = parts.time.now();
  const auto place = places.find(which->second.what.stream);
  if (place != places.end() && place->second.has_played && place->second.changed &&
      now - *place->second.changed < fresh_owner && !which->second.what.is_media()) {
    rest(which->second);  // viewers must not see that the owner is new
    return;
  }
  kept.keep_missing(which->second.what, now);
  finish(which, refusal_of(404), out);
}

void remote_cache::impl::took(fetch_map::iterator which, part_data d, remote_effects& out) {
  auto& f = which->second;
  const auto now = parts.time.now();
  if (d.head.status == media::elsewhere_status) {
    denied(which, out);
    return;
  }
  if (d.head.status == coming_status) {
    rest(f);
    return;
  }
  if (d.head.status == 404) {
    not_there(which, out);
    return;
  }
  if (d.head.status != 200) {
    finish(which, refusal_of(d.head.status == 400 ? 400 : 503), out);
    return;
  }
  media::cached_answer answer;
  answer.status = 200;
  answer.max_age = std::chrono::seconds(d.head.max_age_s);
  figures.bytes.add(static_cast<double>(d.chunk.size()));
  if (!f.what.is_media()) {
    if (d.chunk.size() != d.head.total || d.chunk.empty()) {
      figures.garbled.add();
      finish(which, refusal_of(503), out);
      return;
    }
    answer.content_type = playlist_type;
    answer.body.push_back(std::move(d.chunk));
  } else if (!f.got.take(d)) {
    figures.garbled.add();
    finish(which, refusal_of(503), out);
    return;
  } else if (!f.got.is_complete()) {
    f.due = now + f.patience;
    if (!ask_more(f)) {
      unreachable(which, out);
    }
    return;
  } else {
    answer.content_type = media_type;
    answer.body = f.got.take_body();
  }
  auto& place = places[f.what.stream];
  place.has_played = true;
  if (f.as == role::guess && !f.what.is_media() && !place.owner && !place.is_looked_up) {
    place.owner = f.from;  // only there are its playlists
  }
  kept.keep(f.what, answer, now);
  finish(which, answer, out);
}

/// What is due.
void remote_cache::impl::wake(fetch_map::iterator which, steady_time now, remote_effects& out) {
  auto& f = which->second;
  if (now < f.due || f.at == fetch::stage::locating) {
    return;
  }
  if (f.at == fetch::stage::resting) {
    auto& place = places[f.what.stream];
    const bool is_known = place.owner && is_live(*place.owner) && !down.contains(place.owner->node);
    if (!is_known && !place.is_looked_up && now - place.looked_up < between_lookups) {
      f.due = place.looked_up + between_lookups;
      return;
    }
    if (!is_known) {
      place.owner.reset();
    }
    route(which, out);
    return;
  }
  const auto at = heard.find(f.from.node);
  const bool is_behind_others = f.what.is_media() && f.patience < longest_patience &&
                                at != heard.end() && now - at->second < f.patience;
  f.patience = std::min<duration>(f.patience * 2, longest_patience);
  f.due = now + f.patience;
  if (is_behind_others) {
    return;
  }
  f.got.forget_asked();
  if (!ask_more(f)) {
    f.due = now + pause;
  }
}

std::vector<remote_cache::impl::fetch_map::iterator> remote_cache::impl::asking(
    std::string_view node) {
  std::vector<fetch_map::iterator> those;
  for (auto at = fetches.begin(); at != fetches.end(); ++at) {
    if (at->second.at == fetch::stage::asking && at->second.from.node == node) {
      those.push_back(at);
    }
  }
  return those;
}

bool remote_cache::received(std::string_view from, runtime::link_stream on,
                            runtime::envelope& what) {
  if (on != runtime::link_stream::media || what.kind != runtime::envelope_kind::control ||
      what.type != data_type) {
    return false;
  }
  remote_effects out;
  {
    auto& s = *impl_;
    const std::lock_guard lock(s.mutex);
    const auto at = s.fetches.find(what.number);
    const bool is_wanted = what.to_incarnation == s.options.incarnation && at != s.fetches.end() &&
                           at->second.at == fetch::stage::asking && at->second.from.node == from &&
                           at->second.from.incarnation == what.from_incarnation;
    if (is_wanted) {
      s.heard.insert_or_assign(std::string(from), s.parts.time.now());
      auto data = decode_data(std::move(what.body));
      if (what.version == part_version && data) {
        s.took(at, *std::move(data), out);
      } else {
        s.figures.garbled.add();
        s.finish(at, refusal_of(503), out);
      }
    }
  }
  impl_->carry_out(std::move(out));
  return true;
}

void remote_cache::peer_changed(std::string_view node, runtime::peer_state now) {
  remote_effects out;
  {
    auto& s = *impl_;
    const std::lock_guard lock(s.mutex);
    if (now == runtime::peer_state::up) {
      s.down.erase(std::string(node));
      for (const auto at : s.asking(node)) {  // what was on its way is lost
        at->second.got.forget_asked();
        static_cast<void>(s.ask_more(at->second));  // else it is asked when it is due
      }
    } else {
      s.down.emplace(node);
      for (const auto at : s.asking(node)) {
        if (at->second.as == role::guess) {
          s.guess(at, out);
        } else {
          s.unreachable(at, out);
        }
      }
    }
  }
  impl_->carry_out(std::move(out));
}

void remote_cache::view_changed() {
  remote_effects out;
  {
    auto& s = *impl_;
    const std::lock_guard lock(s.mutex);
    s.kept.drop_playlists();
    for (auto& [stream, place] : s.places) {
      if (place.owner && !s.is_live(*place.owner)) {
        place.owner.reset();
      }
    }
    std::vector<impl::fetch_map::iterator> those;
    for (auto at = s.fetches.begin(); at != s.fetches.end(); ++at) {
      if (at->second.at == fetch::stage::asking && !s.is_live(at->second.from)) {
        those.push_back(at);
      }
    }
    for (const auto at : those) {
      s.route(at, out);
    }
    const auto view = s.parts.members.view();
    std::erase_if(s.down, [&](const std::string& node) {
      return std::ranges::none_of(view->members, [&](const runtime::member& m) {
        return m.node == node && may_live(m.state);
      });
    });
    std::erase_if(s.heard, [&](const auto& entry) { return !s.down.contains(entry.first); });
  }
  impl_->carry_out(std::move(out));
}

}  // namespace troupe::hls
