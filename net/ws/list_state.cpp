// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_state.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>
#include <boost/json.hpp>

#include "net/http/stream_json.hpp"
#include "net/ws/frame.hpp"

namespace troupe::ws {
namespace {

std::string card_of(const stream::info& s) {
  const auto started = s.started_at ? to_unix_ms(*s.started_at) : 0;
  // The title last: it may hold anything.
  return fmt::format("{} {} {} {} {} {}", s.owner, s.username, s.game_id.value_or(0),
                     stream::to_string(s.status), started, s.title);
}

/// Walks two lists, newest first, side by side; each of them may lack a stream of the other.
template <class Visit>
void walk(const std::vector<listed_ptr>& before, const std::vector<listed_ptr>& now, Visit visit) {
  auto b = before.begin();
  auto n = now.begin();
  while (b != before.end() || n != now.end()) {
    const bool takes_before = n == now.end() || (b != before.end() && (*b)->id >= (*n)->id);
    const bool takes_now = b == before.end() || (n != now.end() && (*n)->id >= (*b)->id);
    visit(takes_before ? b->get() : nullptr, takes_now ? n->get() : nullptr);
    b += takes_before ? 1 : 0;
    n += takes_now ? 1 : 0;
  }
}

void append(std::string& list, std::string_view item) {
  if (!list.empty()) {
    list += ',';
  }
  list += item;
}

}  // namespace

int rounded_limit(int wanted) {
  const auto at = std::ranges::lower_bound(list_limits, wanted);
  return at == list_limits.end() ? longest_list : *at;
}

listed_ptr make_listed(const stream::info& s) {
  return std::make_shared<const listed>(listed{.id = s.id,
                                               .game = s.game_id.value_or(0),
                                               .viewers = s.viewer_count,
                                               .card = card_of(s),
                                               .json = boost::json::serialize(http::to_json(s))});
}

list_reading read_list(const std::vector<listed_ptr>& before, const std::vector<stream::info>& rows,
                       bool counts_are_due) {
  list_reading out;
  out.streams.reserve(rows.size());
  auto old = before.begin();
  for (const auto& row : rows) {
    while (old != before.end() && (*old)->id > row.id) {
      ++old;
    }
    const bool is_known = old != before.end() && (*old)->id == row.id;
    if (!is_known || (*old)->card != card_of(row)) {
      out.streams.push_back(make_listed(row));
    } else if ((*old)->viewers == row.viewer_count) {
      out.streams.push_back(*old);
    } else if (counts_are_due) {
      out.has_new_counts = true;
      out.streams.push_back(make_listed(row));
    } else {
      out.has_held_counts = true;
      out.streams.push_back(*old);
    }
  }
  return out;
}

list_state::list_state(const list_topic& topic, std::uint64_t version,
                       const std::vector<listed_ptr>& all)
    : topic_(topic), version_(version) {
  const auto limit = static_cast<std::size_t>(topic.limit);
  for (const auto& each : all) {
    if (topic.game != 0 && each->game != topic.game) {
      continue;
    }
    if (items_.size() == limit) {
      has_more_ = true;
      return;
    }
    items_.push_back(each);
  }
}

shared_bytes list_state::snapshot() const {
  const std::lock_guard lock(mutex_);
  if (snapshot_.empty()) {
    std::string items;
    for (const auto& each : items_) {
      append(items, each->json);
    }
    const auto game = topic_.game == 0 ? "null" : fmt::to_string(topic_.game);
    snapshot_ = encode_text(
        fmt::format(R"({{"type":"streams","game_id":{},"limit":{},"items":[{}],"more":{}}})", game,
                    topic_.limit, items, has_more_));
  }
  return snapshot_;
}

bool list_state::equals(const list_state& other) const {
  return has_more_ == other.has_more_ && items_ == other.items_;
}

shared_bytes list_state::changes_since(const list_state& before) const {
  std::string set;
  std::string counts;
  std::string gone;
  walk(before.items_, items_, [&](const listed* was, const listed* is) {
    if (is == nullptr) {
      append(gone, fmt::to_string(was->id));
    } else if (was == nullptr || was->card != is->card) {
      append(set, is->json);
    } else if (was->viewers != is->viewers) {
      append(counts, fmt::format(R"({{"stream_id":{},"viewer_count":{}}})", is->id, is->viewers));
    }
  });
  return encode_text(
      fmt::format(R"({{"type":"changes","set":[{}],"counts":[{}],"gone":[{}],"more":{}}})", set,
                  counts, gone, has_more_));
}

}  // namespace troupe::ws
