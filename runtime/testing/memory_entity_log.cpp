// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/testing/memory_entity_log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::runtime::testing {

void memory_entity_log::set_members(live_members live) {
  const std::lock_guard lock(mutex_);
  live_ = std::move(live);
}

void memory_entity_log::claim(claim_request request, callback<claim_answer> done) {
  carry_out([this, request = std::move(request), done = std::move(done)]() mutable {
    do_claim(request, std::move(done));
  });
}

void memory_entity_log::owner_of(entity_name name, callback<std::optional<entity_owner>> done) {
  carry_out([this, name = std::move(name), done = std::move(done)]() mutable {
    std::optional<entity_owner> found;
    {
      const std::lock_guard lock(mutex_);
      if (const auto at = owners_.find(name); at != owners_.end()) {
        found = at->second;
      }
    }
    done(std::move(found));
  });
}

void memory_entity_log::commit(std::vector<commit_entry> batch,
                               callback<std::vector<commit_outcome>> done) {
  carry_out([this, batch = std::move(batch), done = std::move(done)]() mutable {
    do_commit(std::move(batch), std::move(done));
  });
}

void memory_entity_log::carry_out(call c) {
  {
    const std::lock_guard lock(mutex_);
    if (is_held_) {
      waiting_.push_back(std::move(c));
      return;
    }
  }
  c();
}

void memory_entity_log::do_claim(const claim_request& request, callback<claim_answer> done) {
  std::optional<claim_answer> answer;
  {
    const std::lock_guard lock(mutex_);
    if (claims_to_fail_ > 0) {
      --claims_to_fail_;
    } else {
      answer = swap(request);
    }
  }
  if (!answer) {
    done(fail(errc::unavailable, "store_unavailable", "the store is away"));
  } else {
    done(std::move(*answer));
  }
}

claim_answer memory_entity_log::swap(const claim_request& request) {
  auto& owner = owners_[request.name];
  const bool is_own = owner.node == request.owner && owner.incarnation == request.incarnation;
  const bool is_handed_over = request.expected_epoch && *request.expected_epoch == owner.epoch;
  if (!is_own && !is_handed_over && live_.contains({owner.node, owner.incarnation})) {
    return owner;
  }
  auto& row = rows_[request.name];
  auto before = std::exchange(owner, {request.owner, request.incarnation, ++row.epoch});
  auto found = row;
  found.before = std::move(before);
  return found;
}

void memory_entity_log::do_commit(std::vector<commit_entry> batch,
                                  callback<std::vector<commit_outcome>> done) {
  bool fails = false;
  std::vector<commit_outcome> outcomes;
  {
    const std::lock_guard lock(mutex_);
    fails = commits_to_fail_ > 0;
    commits_to_fail_ -= fails ? 1 : 0;
    if (!fails || fail_after_write_) {
      outcomes = write(std::move(batch));
    }
  }
  if (fails) {
    done(fail(errc::unavailable, "store_unavailable", "the store is away"));
  } else {
    done(std::move(outcomes));
  }
}

std::vector<commit_outcome> memory_entity_log::write(std::vector<commit_entry> batch) {
  ++commits_;
  largest_batch_ = std::max(largest_batch_, batch.size());
  std::vector<commit_outcome> outcomes;
  for (auto& e : batch) {
    auto& row = rows_[e.name];
    if (row.epoch != e.epoch) {
      outcomes.push_back(commit_outcome::fenced);
      continue;
    }
    row.committed = true;
    row.kind_version = e.kind_version;
    row.state = std::move(e.state);
    row.answers = std::move(e.answers);
    outcomes.push_back(commit_outcome::ok);
  }
  return outcomes;
}

void memory_entity_log::hold(bool held) {
  const std::lock_guard lock(mutex_);
  is_held_ = held;
}

bool memory_entity_log::release() {
  call c;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      return false;
    }
    c = std::move(waiting_.front());
    waiting_.pop_front();
  }
  c();
  return true;
}

std::size_t memory_entity_log::held() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void memory_entity_log::fail_commits(int count, bool after_write) {
  const std::lock_guard lock(mutex_);
  commits_to_fail_ = count;
  fail_after_write_ = after_write;
}

void memory_entity_log::fail_claims(int count) {
  const std::lock_guard lock(mutex_);
  claims_to_fail_ = count;
}

std::optional<stored_entity> memory_entity_log::stored(const entity_name& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = rows_.find(name);
  return at == rows_.end() ? std::nullopt : std::optional(at->second);
}

std::size_t memory_entity_log::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

std::size_t memory_entity_log::largest_batch() const {
  const std::lock_guard lock(mutex_);
  return largest_batch_;
}

}  // namespace troupe::runtime::testing
