// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/replica_pieces.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace troupe::stream {
namespace {

// A segment's end has two codec configurations, the rest is smaller.
constexpr std::size_t beside_media = 512;
// As much as a part may be (media/packager_cut.cpp), and what is around it.
constexpr std::size_t largest_part = std::size_t{40} << 20;

const shared_bytes* media_of(const media::output& o) {
  if (const auto* part = std::get_if<media::part>(&o)) {
    return &part->data;
  }
  const auto* init = std::get_if<media::init_section>(&o);
  return init == nullptr ? nullptr : &init->data;
}

std::size_t size_of(const media::output& o) {
  const auto* data = media_of(o);
  return beside_media + (data == nullptr ? 0 : data->size());
}

}  // namespace

std::size_t size_of(const replica_piece& piece) {
  std::size_t all = piece.fragment.size();
  for (const auto& o : piece.outputs) {
    all += size_of(o);
  }
  return all;
}

std::vector<replica_piece> cut_to_pieces(std::span<const media::output> outputs,
                                         std::size_t limit) {
  std::vector<replica_piece> pieces(1);
  std::size_t filled = 0;
  const auto next = [&] {
    if (filled == 0) {
      return;
    }
    filled = 0;
    auto& last = pieces.back().outputs;
    std::vector<media::output> carried;
    if (!last.empty() && std::holds_alternative<media::segment_started>(last.back())) {
      if (last.size() == 1) {
        return;
      }
      carried.push_back(std::move(last.back()));
      last.pop_back();
    }
    pieces.push_back({std::move(carried), {}, false});
  };
  for (const auto& o : outputs) {
    const auto size = size_of(o);
    const auto* part = std::get_if<media::part>(&o);
    if (filled + size > limit) {
      next();
    }
    if (part == nullptr || part->data.size() <= limit) {
      pieces.back().outputs.push_back(o);
      filled += size;
      continue;
    }
    auto carried = std::exchange(pieces.back().outputs, {});
    const auto& data = part->data;
    for (std::size_t at = 0; at < data.size(); at += limit) {
      next();
      pieces.back().fragment = data.slice(at, std::min(limit, data.size() - at));
      filled = limit;
    }
    pieces.back().outputs = std::move(carried);
    pieces.back().outputs.push_back(o);
    std::get<media::part>(pieces.back().outputs.back()).data = {};
    pieces.back().completes = true;
  }
  if (size_of(pieces.back()) == 0) {
    pieces.pop_back();
  }
  return pieces;
}

result<std::vector<media::output>> piece_joiner::add(replica_piece piece) {
  const auto fragment = piece.fragment.view();
  if (begun_.size() + fragment.size() > largest_part) {
    reset();
    return fail(errc::data_corrupt, "no part is as large as this");
  }
  begun_.insert(begun_.end(), fragment.begin(), fragment.end());
  if (piece.completes) {
    const auto part = std::ranges::find_if(
        piece.outputs, [](const auto& o) { return std::holds_alternative<media::part>(o); });
    if (part == piece.outputs.end()) {
      reset();
      return fail(errc::data_corrupt, "the end of a part without the part");
    }
    std::get<media::part>(*part).data = shared_bytes(std::exchange(begun_, {}));
  }
  return std::move(piece.outputs);
}

}  // namespace troupe::stream
