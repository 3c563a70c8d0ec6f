// SPDX-License-Identifier: GPL-3.0-or-later
// One file on its way here in chunks: which to ask for next, and what has come. Thread: one at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "net/hls/part_messages.hpp"

namespace troupe::hls {

class part_download {
 public:
  /// Chunks that are asked for and have not come.
  static constexpr std::size_t window = 4;

  /// From where on to ask for a chunk; nothing: what is asked for is enough. Counts as asked.
  std::optional<std::uint64_t> next();
  /// What did not come is to be asked for again: a connection, or a node, is gone.
  void forget_asked();
  /// False: it contradicts what came before, or is of another size than was asked for. A chunk that
  /// is there already is passed over.
  bool take(const part_data& d);

  bool is_complete() const { return total_ && come_ == chunks_.size(); }

  std::uint64_t size() const { return total_.value_or(0); }

  /// When it is complete.
  std::vector<shared_bytes> take_body();

 private:
  struct chunk {
    bool is_asked = false;
    std::optional<shared_bytes> data;
  };

  std::optional<std::uint64_t> total_;  // nothing before the first has come
  std::vector<chunk> chunks_ = std::vector<chunk>(1);
  std::size_t asked_ = 0;  // and have not come
  std::size_t come_ = 0;
};

}  // namespace troupe::hls
