// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/connection.hpp"

#include <charconv>
#include <utility>

namespace troupe::storage::sql {

parameter::parameter(const char* n, byte_view v) : name(n), value(to_hex(v)) {}

std::int64_t row::number(std::size_t column) const {
  return optional_number(column).value_or(0);
}

std::optional<std::int64_t> row::optional_number(std::size_t column) const {
  const auto& cell = cells_.at(column);
  if (!cell) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

std::string row::text(std::size_t column) const {
  return cells_.at(column).value_or(std::string());
}

wall_time row::time(std::size_t column) const {
  return optional_time(column).value_or(wall_time());
}

std::optional<wall_time> row::optional_time(std::size_t column) const {
  const auto value = optional_number(column);
  if (!value) {
    return std::nullopt;
  }
  return wall_time(std::chrono::microseconds(*value));
}

bytes row::binary(std::size_t column) const {
  return from_hex(text(column)).value_or(bytes());
}

result<void> connection::run(const std::string& statement,
                             const std::vector<parameter>& parameters) {
  auto done = query(statement, parameters, 0);
  if (!done) {
    return fail(std::move(done.error()));
  }
  return {};
}

result<transaction> transaction::begin(connection& c) {
  auto begun = c.run(c.kind() == engine::sqlite ? "BEGIN IMMEDIATE" : "BEGIN");
  if (!begun) {
    return fail(std::move(begun.error()));
  }
  return transaction(c);
}

transaction::~transaction() {
  if (connection_ != nullptr && !connection_->is_broken()) {
    // After some errors the engine has rolled back by itself and says so: nothing to do then.
    std::ignore = connection_->run("ROLLBACK");
  }
}

result<void> transaction::commit() {
  auto done = connection_->run("COMMIT");
  if (done) {
    connection_ = nullptr;
  }
  return done;
}

std::string to_hex(byte_view data) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(data.size() * 2);
  for (const auto byte : data) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// How many bytes the UTF-8 sequence at the start of text has (RFC 3629, section 4); 0 when it is
/// none, or the zero byte.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = at(0);
  if (first < 0x80) {
    return first == 0 ? 0 : 1;
  }
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) {
    return 0;
  }
  // The second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF.
  const int low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const int high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at(1) < low || at(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((at(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  return length;
}

}  // namespace

std::optional<bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return std::nullopt;
  }
  bytes data;
  data.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    data.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return data;
}

bool is_storable_text(std::string_view text) {
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace troupe::storage::sql
