// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/client_frame.hpp"

#include <array>

#include <boost/json.hpp>

#include "net/http/text.hpp"

namespace troupe::ws {
namespace {

using refused = std::unexpected<bad_frame>;

/// Enough for what fits into a frame; beyond it the parser asks the heap.
constexpr std::size_t scratch_size = 8 * 1024;

refused malformed(std::string message, std::string nonce = {}) {
  return refused(bad_frame{"malformed", std::move(message), std::move(nonce)});
}

const boost::json::string* text_of(const boost::json::object& o, std::string_view name) {
  const auto* value = o.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

bool is_nonce(std::string_view text) {
  const auto length = http::count_code_points(text);
  return length && *length >= 1 && *length <= longest_nonce && !http::has_control_characters(text);
}

std::expected<client_frame, bad_frame> read_message(const boost::json::object& o) {
  const auto* nonce = text_of(o, "nonce");
  if (nonce == nullptr) {
    return malformed("a message needs a nonce, a string");
  }
  message_frame m;
  m.nonce = *nonce;
  if (!is_nonce(m.nonce)) {
    return refused({"invalid_nonce", "a nonce has 1 to 64 characters, none of them control", {}});
  }
  const auto* text = text_of(o, "message");
  if (text == nullptr) {
    return malformed("a message needs a message, a string", m.nonce);
  }
  m.text = *text;
  const auto* reply_to = o.if_contains("reply_to");
  if (reply_to != nullptr && !reply_to->is_null()) {
    const auto* number = reply_to->if_int64();
    if (number == nullptr || *number < 1 || *number > largest_id) {
      return malformed("reply_to is a message_id", m.nonce);
    }
    m.reply_to = *number;
  }
  return m;
}

}  // namespace

std::expected<client_frame, bad_frame> parse_client_frame(std::string_view text) {
  std::array<unsigned char, scratch_size> scratch;  // NOLINT: filled by the parser
  boost::json::monotonic_resource memory(scratch.data(), scratch.size());
  boost::json::parse_options options;
  options.max_depth = deepest_client_frame;
  boost::system::error_code problem;
  const auto value = boost::json::parse(text, problem, &memory, options);
  const auto* object = problem ? nullptr : value.if_object();
  if (object == nullptr) {
    auto why = malformed("a frame is one JSON object, nested at most 4 deep");
    if (problem == boost::json::error::too_deep) {
      why.error().counted_as = "too_deep";
    }
    return why;
  }
  const auto* type = text_of(*object, "type");
  if (type == nullptr) {
    return malformed("a frame needs a type, a string");
  }
  if (*type == "message") {
    return read_message(*object);
  }
  if (*type == "auth") {
    const auto* token = text_of(*object, "token");
    if (token == nullptr) {
      return malformed("auth needs a token, a string");
    }
    return auth_frame{std::string(*token)};
  }
  if (*type == "ping") {
    return ping_frame{};
  }
  if (*type == "pong") {
    return pong_frame{};
  }
  return refused({"unknown_type", "no such type of frame", {}});
}

}  // namespace troupe::ws
