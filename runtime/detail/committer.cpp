// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/committer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe::runtime::detail {

committer::committer(entity_log& log, const clock& c, metrics& m)
    : log_(log),
      clock_(c),
      latency_(m.make_histogram("troupe_entity_commit_seconds",
                                "Time of one group commit, from sent to answered",
                                {.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5})),
      batch_size_(m.make_histogram("troupe_entity_commit_entries", "Entities in one group commit",
                                   {1, 2, 4, 8, 16, 32, 64, 128, 256})),
      failed_(m.make_counter("troupe_entity_commits_failed_total",
                             "Group commits without a good answer")),
      fenced_(m.make_counter("troupe_entity_commits_fenced_total",
                             "Entity writes refused because a newer epoch owns the name")) {}

void committer::submit(commit_entry entry, done d) {
  std::optional<waiting> replaced;
  {
    const std::lock_guard lock(mutex_);
    const auto same =
        std::ranges::find_if(queue_, [&](const waiting& w) { return w.entry.name == entry.name; });
    if (same != queue_.end()) {
      replaced = std::move(*same);
      queue_.erase(same);
    }
    queue_.push_back({std::move(entry), std::move(d)});
  }
  if (replaced) {
    replaced->finished(commit_outcome::fenced);
  }
  pump();
}

void committer::pump() {
  std::vector<commit_entry> entries;
  std::vector<done> callers;
  {
    const std::lock_guard lock(mutex_);
    if (in_flight_ || queue_.empty()) {
      return;
    }
    in_flight_ = true;
    const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), largest_batch));
    for (auto& w : std::span(queue_).first(static_cast<std::size_t>(count))) {
      entries.push_back(std::move(w.entry));
      callers.push_back(std::move(w.finished));
    }
    queue_.erase(queue_.begin(), queue_.begin() + count);
  }
  batch_size_.observe(static_cast<double>(entries.size()));
  log_.commit(std::move(entries),
              [self = weak_from_this(), callers = std::move(callers),
               began = clock_.now()](result<std::vector<commit_outcome>> outcomes) mutable {
                if (const auto alive = self.lock()) {
                  alive->finished(std::move(callers), began, std::move(outcomes));
                }
              });
}

void committer::finished(std::vector<done> callers, steady_time began,
                         result<std::vector<commit_outcome>> outcomes) {
  latency_.observe(std::chrono::duration<double>(clock_.now() - began).count());
  if (outcomes && outcomes->size() != callers.size()) {
    outcomes = fail(errc::internal, "the store answered for another number of entities");
  }
  if (!outcomes) {
    failed_.add();
  }
  {
    const std::lock_guard lock(mutex_);
    in_flight_ = false;
  }
  for (std::size_t i = 0; i < callers.size(); ++i) {
    if (!outcomes) {
      callers[i](fail(outcomes.error()));
      continue;
    }
    if ((*outcomes)[i] == commit_outcome::fenced) {
      fenced_.add();
    }
    callers[i]((*outcomes)[i]);
  }
  pump();
}

}  // namespace troupe::runtime::detail
