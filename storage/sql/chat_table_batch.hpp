// SPDX-License-Identifier: GPL-3.0-or-later
// A batch of room_writes as JSON: one array per table that it changes. Thread: used by one thread
// at a time.
#pragma once

#include "storage/chat_store.hpp"
#include "storage/sql/batch_rows.hpp"

namespace troupe::storage::sql::chat {

struct batch {
  /// Room, epoch, number before, number after, message id after, first message id, settings.
  batch_rows rooms{"rooms", "nnnnnnT"};
  // Room and, mostly, a key come first; the order is that of the columns in the INSERTs.
  batch_rows events{"events", "nnnnNntnttntNnnn"};
  batch_rows nonces{"nonces", "nntttnnt"};
  batch_rows gone{"gone", "nn"};
  batch_rows cleared{"cleared", "nnn"};
  batch_rows members{"members", "nntnNnNtntn"};
  batch_rows held{"held", "nnntttttnNn"};
  batch_rows decided{"decided", "nn"};
  batch_rows log{"log", "nntntntntttn"};

  bool is_storable() const;
};

/// Whether a write is what room_write promises. Errors: invalid_argument.
[[nodiscard]] result<void> check(const room_write& w);
/// What its room's row must be like, and becomes.
void add_room(batch& b, const room_write& w);
/// Everything else.
void add_content(batch& b, const room_write& w);

}  // namespace troupe::storage::sql::chat
