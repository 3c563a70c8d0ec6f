// SPDX-License-Identifier: GPL-3.0-or-later
// Between the store's rows and what the stream folder speaks of.
#pragma once

#include "actors/stream/streams.hpp"
#include "storage/stream_store.hpp"

namespace troupe::stream {

info to_info(const storage::stream_record& row);

}  // namespace troupe::stream
