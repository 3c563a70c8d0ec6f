// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/part_messages.hpp"

#include <utility>

namespace troupe::hls {
namespace {

constexpr std::size_t largest_head = 256;  // a newer version may say more

}  // namespace

result<part_get> decode_get(byte_view body) {
  auto asked = runtime::decode<part_get>(body);
  if (!asked) {
    return asked;
  }
  const bool is_sane = asked->stream > 0 && asked->stream <= largest_id && !asked->file.empty() &&
                       asked->file.size() <= longest_address && asked->msn.value_or(0) >= 0 &&
                       asked->part.value_or(0) >= 0 && (asked->msn || !asked->part) &&
                       asked->offset < largest_file;
  if (!is_sane) {
    return fail(errc::data_corrupt, "that is no request for a file");
  }
  return asked;
}

media::delivery_directives directives_of(const part_get& asked) {
  const auto text = [](std::optional<std::int64_t> number) {
    return number ? std::optional(std::to_string(*number)) : std::nullopt;
  };
  return {text(asked.msn), text(asked.part),
          asked.is_delta ? std::optional<std::string>("YES") : std::nullopt};
}

bytes encode_data(const part_head& head, const media::cached_answer& answer, std::size_t size) {
  const auto encoded = runtime::encode(head);
  bytes out;
  out.reserve(sizeof(std::uint32_t) + encoded.size() + size);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>((encoded.size() >> shift) & 0xFF));
  }
  out.insert(out.end(), encoded.begin(), encoded.end());
  auto skip = static_cast<std::size_t>(head.offset);
  for (const auto& piece : answer.body) {
    const auto from = std::min(skip, piece.size());
    const auto taken = piece.view().subspan(from, std::min(piece.size() - from, size));
    out.insert(out.end(), taken.begin(), taken.end());
    skip -= from;
    size -= taken.size();
  }
  return out;
}

result<part_data> decode_data(bytes body) {
  byte_reader in(body);
  const std::size_t length = in.u32();
  const auto head_bytes = length <= largest_head ? in.take(length) : byte_view();
  auto head = runtime::decode<part_head>(head_bytes);
  if (!head) {
    return fail(std::move(head.error()));
  }
  const auto size = in.left();
  const bool is_sane = head->status >= 100 && head->status < 600 && head->max_age_s >= 0 &&
                       head->max_age_s <= 86'400 && head->total <= largest_file &&
                       head->offset <= head->total && size <= head->total - head->offset;
  if (!is_sane) {
    return fail(errc::data_corrupt, "that is no piece of a file");
  }
  const auto at = body.size() - size;
  return part_data{*head, shared_bytes(std::move(body)).slice(at, size)};
}

}  // namespace troupe::hls
