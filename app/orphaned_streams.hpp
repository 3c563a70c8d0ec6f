// SPDX-License-Identifier: GPL-3.0-or-later
// Streams that were live on a node that is gone, or when the program last ended: somebody has to
// wake them, so that each waits for its publisher and ends if that does not come back.
// Thread: pure functions; waking blocks on the store: a job for a pool.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/entities.hpp"
#include "storage/database.hpp"

namespace troupe::app {

/// Of these names, whose owners the store has given: those that no live node has and that this one
/// is to look after. Of all nodes that ask this at once, one gets each.
std::vector<std::string> orphans_of(std::span<const std::string> names,
                                    std::span<const storage::entity_owner> owners,
                                    const runtime::view& view, const std::string& self);

/// Wakes the streams that were live and are such. Waking one that lives changes nothing. Answers
/// how many there were.
[[nodiscard]] result<std::size_t> wake_orphaned_streams(storage::database& store,
                                                        runtime::entities& entities,
                                                        const runtime::view& view,
                                                        const std::string& self);

}  // namespace troupe::app
