// SPDX-License-Identifier: GPL-3.0-or-later
// Between the store's rows and what the stream folder speaks of.
#pragma once

#include "actors/stream/streams.hpp"
#include "storage/stream_store.hpp"

namespace troupe::stream {

/// now: a count of viewers that nobody has renewed for 15 s is taken for 0.
info to_info(const storage::stream_record& row, wall_time now);

}  // namespace troupe::stream
