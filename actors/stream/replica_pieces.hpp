// SPDX-License-Identifier: GPL-3.0-or-later
// Outputs of the packager cut into messages: a part may be larger than one may be. Thread: one at a
// time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "media/packager.hpp"

namespace troupe::stream {

/// Large enough that the count of messages does not matter, far below runtime::largest_envelope.
constexpr std::size_t piece_bytes = std::size_t{1} << 20;

/// Whole outputs; or some bytes of one large part, of which the last bytes come with the part. A
/// segment's start is never without its first part: nobody could go on from there.
struct replica_piece {
  std::vector<media::output> outputs;
  shared_bytes fragment;
  bool completes = false;  ///< fragment is the end of the first part of outputs
};

std::size_t size_of(const replica_piece& piece);

/// Copies no media.
std::vector<replica_piece> cut_to_pieces(std::span<const media::output> outputs,
                                         std::size_t limit = piece_bytes);

class piece_joiner {
 public:
  /// What is whole by now. Errors: data_corrupt; nothing of the piece counts then.
  [[nodiscard]] result<std::vector<media::output>> add(replica_piece piece);

  void reset() { begun_.clear(); }

 private:
  bytes begun_;
};

}  // namespace troupe::stream
