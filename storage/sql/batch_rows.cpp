// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/batch_rows.hpp"

#include <iterator>

#include <spdlog/fmt/fmt.h>

namespace troupe::storage::sql {

namespace {

std::int64_t micros(wall_time t) {
  return t.time_since_epoch().count();
}

void append_json_text(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

batch_rows& batch_rows::begin() {
  json_ += json_.empty() ? "{" : "},{";
  next_ = 'a';
  return *this;
}

void batch_rows::begin_value() {
  if (json_.back() != '{') {
    json_.push_back(',');
  }
  json_.push_back('"');
  json_.push_back(next_);
  json_ += "\":";
}

void batch_rows::put(std::int64_t value) {
  begin_value();
  fmt::format_to(std::back_inserter(json_), "{}", value);
}

void batch_rows::put(std::string_view value) {
  begin_value();
  is_storable_ = is_storable_ && is_storable_text(value);
  append_json_text(json_, value);
}

batch_rows& batch_rows::add(std::int64_t value) {
  if (value != 0) {
    put(value);
  }
  ++next_;
  return *this;
}

batch_rows& batch_rows::add(const std::string& value) {
  if (!value.empty()) {
    put(value);
  }
  ++next_;
  return *this;
}

batch_rows& batch_rows::add(wall_time value) {
  return add(micros(value));
}

batch_rows& batch_rows::add(const std::optional<std::int64_t>& value) {
  if (value) {
    put(*value);
  }
  ++next_;
  return *this;
}

batch_rows& batch_rows::add(const std::optional<wall_time>& value) {
  return add(value ? std::optional(micros(*value)) : std::nullopt);
}

batch_rows& batch_rows::add(const std::optional<std::string>& value) {
  if (value) {
    put(std::string_view(*value));
  }
  ++next_;
  return *this;
}

parameter batch_rows::json() const {
  return {parameter_, std::string_view("[" + json_ + (empty() ? "]" : "}]"))};
}

std::string batch_rows::source(engine kind) const {
  const bool lite = kind == engine::sqlite;
  std::string columns;
  char name = 'a';
  for (const char type : types_) {
    columns += columns.empty() ? "" : ", ";
    if (lite) {
      columns += fmt::format("value->>'{}' AS {}", name, name);
    } else {
      columns += fmt::format("{} {}", name, type == 'n' || type == 'N' ? "BIGINT" : "TEXT");
    }
    ++name;
  }
  return lite ? fmt::format("(SELECT {} FROM json_each(:{})) AS v", columns, parameter_)
              : fmt::format("json_to_recordset(CAST(:{} AS JSON)) AS v({})", parameter_, columns);
}

std::string batch_rows::values() const {
  std::string list;
  char name = 'a';
  for (const char type : types_) {
    list += list.empty() ? "" : ", ";
    if (type == 'n' || type == 't') {
      list += fmt::format("COALESCE(v.{}, {})", name, type == 'n' ? "0" : "''");
    } else {
      list += fmt::format("v.{}", name);
    }
    ++name;
  }
  return list;
}

}  // namespace troupe::storage::sql
