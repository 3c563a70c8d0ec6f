// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/fields.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/ids.hpp"
#include "net/http/oauth_errors.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

constexpr std::size_t max_depth = 8;  // our bodies are flat; this is room for unknown fields
constexpr std::size_t max_form_fields = 64;

std::unexpected<error> wrong_field(std::string_view name, std::string_view expected) {
  return fail(errc::invalid_argument, fmt::format("\"{}\" must be {}", name, expected));
}

result<json::object> parse_json(std::string_view body) {
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code failure;
  auto value = json::parse(body, failure, {}, options);
  if (failure) {
    return fail(errc::invalid_argument, "invalid_json", "the body is not JSON that we accept");
  }
  if (!value.is_object()) {
    return fail(errc::invalid_argument, "invalid_json", "the body must be a JSON object");
  }
  return std::move(value.as_object());
}

result<json::object> parse_form(std::string_view body) {
  const auto broken = [] {
    return fail(errc::invalid_argument, "invalid_form", "the body is not a form that we accept");
  };
  json::object values;
  for (std::size_t count = 0; !body.empty(); ++count) {
    const auto pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(body.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    const auto name = decode_form_value(pair.substr(0, equals));
    const auto value =
        decode_form_value(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (count == max_form_fields || !name || !value || !count_code_points(*name) ||
        !count_code_points(*value)) {
      return broken();
    }
    values[*name] = *value;
  }
  return values;
}

}  // namespace

fields::fields(json::object values, bool is_form) : values_(std::move(values)), is_form_(is_form) {}

result<fields> fields::read(const request& r, std::size_t limit, form forms) {
  if (r.body.empty()) {
    return fields({}, false);
  }
  if (r.body.size() > limit) {
    return fail(errc::too_large, fmt::format("the body is larger than {} bytes", limit));
  }
  const auto content_type = r.header("content-type").value_or("");
  const auto media_type = trimmed(content_type.substr(0, content_type.find(';')));
  const bool takes_form = forms == form::allowed && is_form(r);
  if (!takes_form && !equals_ignoring_case(media_type, "application/json")) {
    return fail(errc::unsupported, "unsupported_media_type",
                "send the body as Content-Type: application/json");
  }
  auto values = takes_form ? parse_form(r.body) : parse_json(r.body);
  if (!values) {
    return fail(std::move(values.error()));
  }
  return fields(*std::move(values), takes_form);
}

const json::value* fields::find(std::string_view name) const {
  const auto* value = values_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

result<std::string> fields::text(std::string_view name) const {
  auto given = optional_text(name);
  if (!given) {
    return fail(std::move(given.error()));
  }
  if (!*given) {
    return fail(errc::invalid_argument, fmt::format("\"{}\" is missing", name));
  }
  return **std::move(given);
}

result<std::optional<std::string>> fields::optional_text(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_string()) {
    return wrong_field(name, "text");
  }
  return std::string(value->as_string());
}

result<std::optional<std::int64_t>> fields::optional_id(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (is_form_) {
    if (const auto parsed = parse_id(std::string_view(value->as_string()))) {
      return *parsed;
    }
  } else if (value->is_int64() && value->as_int64() >= 1 && value->as_int64() <= largest_id) {
    return value->as_int64();
  }
  return wrong_field(name, "a whole number from 1 to 9007199254740991");
}

result<std::optional<std::int64_t>> fields::optional_number(std::string_view name, std::int64_t low,
                                                            std::int64_t high) const {
  const auto* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->is_int64() && value->as_int64() >= low && value->as_int64() <= high) {
    return value->as_int64();
  }
  return wrong_field(name, fmt::format("a whole number from {} to {}", low, high));
}

result<const json::array*> fields::list(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) {
    return fail(errc::invalid_argument, fmt::format("\"{}\" is missing", name));
  }
  if (!value->is_array()) {
    return wrong_field(name, "a list");
  }
  return &value->as_array();
}

result<bool> fields::flag(std::string_view name) const {
  const auto* value = find(name);
  if (value == nullptr) {
    return false;
  }
  if (value->is_bool()) {
    return value->as_bool();
  }
  if (is_form_ && (value->as_string() == "true" || value->as_string() == "false")) {
    return value->as_string() == "true";
  }
  return wrong_field(name, "true or false");
}

}  // namespace troupe::http
