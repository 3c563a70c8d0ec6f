// SPDX-License-Identifier: GPL-3.0-or-later
// AMF0 values (Action Message Format AMF 0 specification, 2007), as commands and metadata carry
// them. References and AMF3 values are refused: no encoder needs them, and a reference can make a
// small message large.
// Thread: plain data and pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace troupe::rtmp::amf0 {

struct value;

using property = std::pair<std::string, value>;
/// In the order they were sent; names may repeat.
using properties = std::vector<property>;

struct null {
  friend bool operator==(null, null) = default;
};

struct undefined {
  friend bool operator==(undefined, undefined) = default;
};

/// Milliseconds since 1970 UTC; the time zone is reserved and 0.
struct date {
  double unix_ms = 0;
  std::int16_t time_zone = 0;
  friend bool operator==(const date&, const date&) = default;
};

struct xml {
  std::string text;
  friend bool operator==(const xml&, const xml&) = default;
};

struct object {
  properties members;
};

struct typed_object {
  std::string type;
  properties members;
};

/// An object by another name; its count is advice that encoders get wrong.
struct ecma_array {
  properties members;
};

struct strict_array {
  std::vector<value> items;
};

struct value {
  using variant = std::variant<undefined, null, double, bool, std::string, object, ecma_array,
                               strict_array, date, typed_object, xml>;
  variant data;

  value() = default;

  template <class T>
    requires std::constructible_from<variant, T&&> && (!std::same_as<std::remove_cvref_t<T>, value>)
  value(T&& v) : data(std::forward<T>(v)) {}  // NOLINT: values are written as literals

  value(const char* text) : data(std::string(text)) {}  // NOLINT

  value(std::string_view text) : data(std::string(text)) {}  // NOLINT

  const double* number() const { return std::get_if<double>(&data); }

  const bool* boolean() const { return std::get_if<bool>(&data); }

  const std::string* text() const { return std::get_if<std::string>(&data); }

  /// The members of an object, typed object or ECMA array; nullptr for anything else.
  const properties* members() const;
  /// The first member of that name, or nullptr.
  const value* find(std::string_view name) const;
};

bool operator==(const value& a, const value& b);
bool operator==(const object& a, const object& b);
bool operator==(const typed_object& a, const typed_object& b);
bool operator==(const ecma_array& a, const ecma_array& b);
bool operator==(const strict_array& a, const strict_array& b);

/// What one message may make us build. Its bytes are limited by the chunk reader.
struct limits {
  std::size_t depth = 16;
  std::size_t values = 4096;
};

/// One value off the front of input. Errors: invalid_argument (amf0_malformed), unsupported
/// (amf0_unsupported), too_large (amf0_limit).
result<value> decode(byte_view& input, const limits& l = {});
/// All of input. The limit of values holds for all together.
result<std::vector<value>> decode_all(byte_view input, const limits& l = {});

void encode(const value& v, byte_writer& out);
bytes encode_all(const std::vector<value>& values);

}  // namespace troupe::rtmp::amf0
