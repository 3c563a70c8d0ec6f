// SPDX-License-Identifier: GPL-3.0-or-later
// The body of a request as named fields: a JSON object or, where a route allows it, a form.
// Unknown fields are ignored, of a field given twice the last one counts, and a wrong type is an
// invalid_argument that names the field. Depth, size and count are bounded.
// Thread: plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "base/result.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

class fields {
 public:
  enum class form : std::uint8_t { refused, allowed };

  /// No body at all is no fields. Errors: unsupported (unsupported_media_type), too_large,
  /// invalid_argument (invalid_json, invalid_form).
  static result<fields> read(const request& r, std::size_t limit, form forms = form::refused);

  /// Errors of all: invalid_argument, with the field's name in the sentence. JSON's null is a
  /// missing field. Text is valid UTF-8.
  result<std::string> text(std::string_view name) const;
  result<std::optional<std::string>> optional_text(std::string_view name) const;
  /// 1 to 2^53-1.
  result<std::optional<std::int64_t>> optional_id(std::string_view name) const;
  /// A whole number from low to high.
  result<std::optional<std::int64_t>> optional_number(std::string_view name, std::int64_t low,
                                                      std::int64_t high) const;
  /// False when missing.
  result<bool> flag(std::string_view name) const;
  /// Of JSON alone; lives as long as this.
  result<const boost::json::array*> list(std::string_view name) const;

  /// Whether it is there, be it null.
  bool has(std::string_view name) const { return values_.contains(name); }

 private:
  explicit fields(boost::json::object values, bool is_form);

  const boost::json::value* find(std::string_view name) const;

  boost::json::object values_;
  bool is_form_;  // all values are text then
};

}  // namespace troupe::http
