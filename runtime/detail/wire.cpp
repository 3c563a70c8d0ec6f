// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/wire.hpp"

#include <algorithm>
#include <chrono>

namespace troupe::runtime::detail::wire {

namespace {

constexpr std::int64_t longest_retry_ms = 24 * 3600 * 1000;

bytes encode_failure(const error& e) {
  return encode(answer_body{e, e.retry_after.count(), {}});
}

error failure_of(answer_body&& body) {
  auto e = std::move(*body.failed);
  e.retry_after =
      std::chrono::milliseconds(std::clamp<std::int64_t>(body.retry_after_ms, 0, longest_retry_ms));
  return e;
}

}  // namespace

bytes encode_answer(const message_type& type, const erased_answer& answer) {
  if (!answer) {
    return encode_failure(answer.error());
  }
  auto value = type.encode_answer(answer->get());
  if (value.size() > largest_message) {
    return encode_failure(make_error(errc::too_large, "answer_too_large",
                                     "the answer is too large to travel; it was applied"));
  }
  return encode(answer_body{std::nullopt, 0, std::move(value)});
}

erased_answer decode_answer(const message_type& type, byte_view body) {
  auto got = decode<answer_body>(body);
  if (!got) {
    return fail(got.error().with("an answer from another node"));
  }
  if (got->failed) {
    return fail(failure_of(std::move(*got)));
  }
  return type.decode_answer(got->value);
}

bytes encode_error(const error& e) {
  return encode_failure(e);
}

error decode_error(byte_view body) {
  auto got = decode<answer_body>(body);
  if (!got || !got->failed) {
    return make_error(errc::unavailable, "no_reason", "another node refused and did not say why");
  }
  return failure_of(std::move(*got));
}

envelope about(std::string_view type, const entity_name& name) {
  envelope e;
  e.kind = envelope_kind::control;
  e.type = type;
  e.target = to_string(name);
  return e;
}

}  // namespace troupe::runtime::detail::wire
