// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/sender_table.hpp"

#include <algorithm>
#include <vector>

#include "runtime/archive.hpp"

namespace troupe::runtime::detail {

namespace {

/// How a table is stored: the layout of entity answers, version 1.
struct stored_answer {
  std::uint64_t number = 0;
  std::string type;
  std::optional<error> failed;
  bytes value;
};

struct stored_sender {
  session_id session;
  std::uint64_t last = 0;
  wall_time heard;
  std::vector<stored_answer> answers;
};

struct stored_table {
  static constexpr std::uint8_t current = 1;
  std::uint8_t version = current;
  std::vector<stored_sender> senders;  // longest silent first
};

/// Where the limit has made the table forget a sender within the last 10 minutes.
struct stored_gaps {
  static constexpr std::uint8_t current = 2;
  std::uint8_t version = current;
  std::vector<stored_sender> senders;
  wall_time forgot;
};

template <class Inspector>
auto inspect(Inspector& f, stored_answer& x) {
  return f(x.number, x.type, x.failed, x.value);
}

template <class Inspector>
auto inspect(Inspector& f, stored_sender& x) {
  return f(x.session, x.last, x.heard, x.answers);
}

template <class Inspector>
auto inspect(Inspector& f, stored_table& x) {
  return f(x.version, x.senders);
}

template <class Inspector>
auto inspect(Inspector& f, stored_gaps& x) {
  return f(x.version, x.senders, x.forgot);
}

}  // namespace

namespace {

/// Whether nothing that is still wanted lies between expected and this command.
bool follows(const claimed_order& order, std::uint64_t expected) {
  return order.from.number <= expected ||
         (order.closed_since != 0 && order.closed_since <= expected);
}

}  // namespace

sender_table::admission sender_table::admit(const claimed_order& order, const message_type& type,
                                            wall_time now) {
  const auto number = order.from.number;
  const auto found = senders_.find(order.from.session);
  if (found == senders_.end()) {
    if (number < order.floor) {
      return {verdict::closed, 0, {}};
    }
    const bool is_first = follows(order, order.floor);
    if (would_know(order, now)) {
      if (!is_first) {
        return {verdict::expected, order.floor, {}};
      }
    } else if (!is_first || order.may_be_applied) {
      // Whatever came before must be closed, and this never have been sent: else it may be a
      // repetition.
      return {verdict::session_lost, 0, {}};
    }
    add(order.from.session, now).last = number;
    return {verdict::apply, 0, {}};
  }
  auto& e = found->second;
  touch(e, now);
  std::erase_if(e.answers, [&](const auto& a) { return a.number < order.floor; });
  if (number <= e.last) {
    return repeat(e, number, type);
  }
  if (number < order.floor) {
    return {verdict::closed, 0, {}};
  }
  const auto expected = std::max(e.last + 1, order.floor);
  if (!follows(order, expected)) {
    return {verdict::expected, expected, {}};
  }
  e.last = number;
  return {verdict::apply, 0, {}};
}

/// Whether a sender who is not in here had nothing applied that this command could repeat.
bool sender_table::would_know(const claimed_order& order, wall_time now) const {
  const bool has_forgotten = forgot_ && now - *forgot_ <= silence_kept;
  return !has_forgotten &&
         (complete_since_ == 0 || (order.first_epoch != 0 && order.first_epoch >= complete_since_));
}

sender_table::admission sender_table::repeat(const entry& e, std::uint64_t number,
                                             const message_type& type) const {
  const auto at = std::ranges::find(e.answers, number, &kept_answer::number);
  if (at == e.answers.end()) {
    return {verdict::repeated, 0, {}};
  }
  if (at->type() != type.name) {
    return {verdict::repeated, 0,
            fail(errc::conflict, "number_reused", "this number was another message")};
  }
  if (at->encoded) {
    return {verdict::repeated, 0, type.decode_answer(*at->encoded)};
  }
  return {verdict::repeated, 0, at->native};
}

void sender_table::record(const sender& from, const message_type& type, erased_answer answer) {
  const auto found = senders_.find(from.session);
  if (found == senders_.end()) {
    return;  // forgotten while it was being worked on
  }
  auto& answers = found->second.answers;
  answers.push_back({from.number, &type, {}, {}, std::move(answer)});
  if (answers.size() > answers_kept) {
    answers.erase(answers.begin());
  }
}

void sender_table::note_local(const session_id& session, std::weak_ptr<const reply_path> via) {
  const auto found = senders_.find(session);
  if (found != senders_.end() && !found->second.is_local) {
    found->second.via = std::move(via);
    found->second.is_local = true;
  }
}

bytes sender_table::save(wall_time now) {
  for (auto at = by_age_.begin(); at != by_age_.end();) {
    const auto session = *at++;
    const auto& e = senders_.at(session);
    if (now - e.heard > silence_kept || (e.is_local && e.via.expired())) {
      forget(session);
    }
  }
  stored_table table;
  for (const auto& session : by_age_) {
    const auto& e = senders_.at(session);
    stored_sender s{session, e.last, e.heard, {}};
    for (const auto& a : e.answers) {
      stored_answer kept{a.number, std::string(a.type()), {}, {}};
      if (a.encoded) {
        kept.value = *a.encoded;
      } else if (!a.native) {
        kept.failed = a.native.error();
      } else {
        kept.value = a.native_type->encode_answer(a.native->get());
      }
      s.answers.push_back(std::move(kept));
    }
    table.senders.push_back(std::move(s));
  }
  if (forgot_ && now - *forgot_ <= silence_kept) {
    return encode(stored_gaps{stored_gaps::current, std::move(table.senders), *forgot_});
  }
  return encode(table);
}

bool sender_table::load(byte_view data) {
  clear();
  if (data.empty()) {
    return true;
  }
  std::vector<stored_sender> senders;
  if (auto gaps = decode<stored_gaps>(data); gaps && gaps->version == stored_gaps::current) {
    senders = std::move(gaps->senders);
    forgot_ = gaps->forgot;
  } else if (auto table = decode<stored_table>(data);
             table && table->version == stored_table::current) {
    senders = std::move(table->senders);
  } else {
    return false;
  }
  for (auto& s : senders) {
    auto& e = add(s.session, s.heard);
    e.last = s.last;
    for (auto& a : s.answers) {
      if (a.failed) {
        e.answers.push_back({a.number, nullptr, std::move(a.type), {}, fail(*a.failed)});
      } else {
        e.answers.push_back({a.number, nullptr, std::move(a.type), std::move(a.value), {}});
      }
    }
  }
  return true;
}

void sender_table::clear() {
  senders_.clear();
  by_age_.clear();
  forgot_.reset();
}

sender_table::entry& sender_table::add(const session_id& session, wall_time now) {
  if (senders_.size() >= sweep_at_) {
    drop_dead();
  }
  if (senders_.size() >= limit_ && !by_age_.empty()) {
    forgot_ = std::max(forgot_.value_or(now), now);
    forget(by_age_.front());
  }
  auto& e = senders_[session];
  e.heard = now;
  e.age = by_age_.insert(by_age_.end(), session);
  return e;
}

/// Senders of this node whose lane is gone have nothing on its way, and send nothing again under
/// numbers they have used. Amortised: looks through all when their count has doubled.
void sender_table::drop_dead() {
  for (auto at = by_age_.begin(); at != by_age_.end();) {
    const auto session = *at++;
    const auto& e = senders_.at(session);
    if (e.is_local && e.via.expired()) {
      forget(session);
    }
  }
  sweep_at_ = std::max<std::size_t>(64, 2 * senders_.size());
}

void sender_table::forget(const session_id& session) {
  const auto found = senders_.find(session);
  by_age_.erase(found->second.age);
  senders_.erase(found);
}

void sender_table::touch(entry& e, wall_time now) {
  e.heard = now;
  by_age_.splice(by_age_.end(), by_age_, e.age);
}

}  // namespace troupe::runtime::detail
