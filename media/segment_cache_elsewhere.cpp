// SPDX-License-Identifier: GPL-3.0-or-later
// What segment_cache does for a node among several.
#include "media/segment_cache_impl.hpp"

namespace troupe::media {

segment_cache::holding segment_cache::holds(stream_id stream) const {
  const auto entry = impl_->find(stream);
  if (!entry) {
    return holding::nothing;
  }
  const std::lock_guard lock(entry->mutex);
  return entry->ended_at ? holding::ended : holding::live;
}

std::vector<stream_id> segment_cache::live_streams() const {
  std::vector<stream_id> found;
  const std::shared_lock lock(impl_->mutex);
  for (const auto& [id, entry] : impl_->streams) {
    const std::lock_guard entry_lock(entry->mutex);
    if (!entry->ended_at) {
      found.push_back(id);
    }
  }
  return found;
}

std::optional<cached_answer> segment_cache::find_media(stream_id stream,
                                                       std::string_view file) const {
  const auto name = parse_file(file);
  const bool is_media = name.kind == file_kind::init || name.kind == file_kind::part ||
                        name.kind == file_kind::segment;
  const auto entry = is_media ? impl_->find(stream) : nullptr;
  if (!entry) {
    return std::nullopt;
  }
  const std::lock_guard lock(entry->mutex);
  auto* r = entry->find(name.rendition);
  auto found = r == nullptr ? std::nullopt : impl_->look_up(*r, name, nullptr, false);
  return found && found->status == 200 ? std::move(found) : std::nullopt;
}

void segment_cache::release(stream_id stream) {
  const auto entry = impl_->find(stream);
  if (!entry) {
    return;
  }
  std::vector<settled> out;
  {
    const std::lock_guard lock(entry->mutex);
    if (entry->ended_at) {
      return;
    }
    if (!entry->released_at) {
      entry->released_at = impl_->time.now();
    }
    impl_->take_all(*entry, refusal(elsewhere_status, "The stream goes on elsewhere."), out);
  }
  impl_->finish(out);
}

}  // namespace troupe::media
