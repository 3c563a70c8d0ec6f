// SPDX-License-Identifier: GPL-3.0-or-later
// Holds an answer to openapi.json: the status is listed, the headers and the body fit their
// schemas. Knows the part of JSON Schema that our document uses, and fails on a keyword it does not
// know.
#pragma once

#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "net/http/message.hpp"
#include "net/http/openapi.hpp"

namespace troupe::http::testing {

class openapi_check {
 public:
  openapi_check() : document_(boost::json::parse(openapi_json)) {}

  const boost::json::object& document() const { return document_.as_object(); }

  /// What is wrong, or "". pattern: the route's.
  std::string problem(const std::string& method, const std::string& pattern,
                      const response& answer) const {
    const auto* path = document_.at("paths").as_object().if_contains(pattern);
    if (path == nullptr) {
      return "no path " + pattern;
    }
    const auto& responses = path->at(method).at("responses").as_object();
    const auto* found = responses.if_contains(std::to_string(answer.status));
    if (found == nullptr) {
      return "status " + std::to_string(answer.status) + " is not listed";
    }
    const auto& listed = resolve(*found).as_object();
    const auto wrong = headers_problem(listed, answer);
    return wrong.empty() ? body_problem(listed, answer) : wrong;
  }

  std::string schema_problem(std::string_view name, const boost::json::value& v) const {
    return check(document_.at("components").at("schemas").at(name), v, std::string(name));
  }

 private:
  using value = boost::json::value;

  /// v lives in the document, or as long as the caller needs the answer.
  const value& resolve(const value& v) const {
    const auto* reference = v.as_object().if_contains("$ref");
    if (reference == nullptr) {
      return v;  // NOLINT(bugprone-return-const-ref-from-parameter): never a temporary here
    }
    return document_.at_pointer(std::string(reference->as_string()).substr(1));
  }

  std::string headers_problem(const boost::json::object& listed, const response& answer) const {
    const auto* wanted = listed.if_contains("headers");
    if (wanted == nullptr) {
      return "";
    }
    for (const auto& [name, reference] : wanted->as_object()) {
      const auto& header = resolve(reference).as_object();
      const auto given = std::ranges::find(answer.headers, std::string(name),
                                           &std::pair<std::string, std::string>::first);
      if (given == answer.headers.end()) {
        if (header.contains("required")) {
          return "header " + std::string(name) + " is missing";
        }
        continue;
      }
      const auto& schema = header.at("schema");
      const bool is_number = schema.as_object().contains("type") && schema.at("type") == "integer";
      const auto wrong =
          check(schema, is_number ? value(std::stoll(given->second)) : value(given->second), name);
      if (!wrong.empty()) {
        return "header " + wrong;
      }
    }
    return "";
  }

  std::string body_problem(const boost::json::object& listed, const response& answer) const {
    std::string text;
    for (const auto& part : answer.body) {
      text += as_text(part.view());
    }
    const auto* content = listed.if_contains("content");
    if (content == nullptr) {
      return text.empty() ? "" : "a body where none is listed";
    }
    const auto type = std::ranges::find(answer.headers, "Content-Type",
                                        &std::pair<std::string, std::string>::first);
    if (type == answer.headers.end()) {
      return "no Content-Type";
    }
    const auto* media =
        content->as_object().if_contains(type->second.substr(0, type->second.find(';')));
    if (media == nullptr) {
      return type->second + " is not listed";
    }
    return type->second.starts_with("text/")
               ? ""
               : check(media->at("schema"), boost::json::parse(text), "body");
  }

  static bool has_type(std::string_view type, const value& v) {
    return (type == "object" && v.is_object()) || (type == "array" && v.is_array()) ||
           (type == "string" && v.is_string()) || (type == "boolean" && v.is_bool()) ||
           (type == "null" && v.is_null()) || (type == "number" && v.is_number()) ||
           (type == "integer" && (v.is_int64() || v.is_uint64()));
  }

  static double number(const value& v) { return v.to_number<double>(); }

  std::string check(const value& schema, const value& v, const std::string& at) const {
    for (const auto& [keyword, wanted] : schema.as_object()) {
      auto wrong = check_keyword(keyword, wanted, schema.as_object(), v, at);
      if (!wrong.empty()) {
        return wrong;
      }
    }
    return "";
  }

  std::string check_keyword(std::string_view keyword, const value& wanted,
                            const boost::json::object& schema, const value& v,
                            const std::string& at) const {
    const auto fails = [&](bool is_wrong) {
      return is_wrong ? at + " breaks " + std::string(keyword) + ": " + boost::json::serialize(v)
                      : std::string();
    };
    if (keyword == "$ref") {
      return check(document_.at_pointer(std::string(wanted.as_string()).substr(1)), v, at);
    }
    if (keyword == "description" || keyword == "default" || keyword == "additionalProperties" ||
        keyword == "maxLength") {
      return "";
    }
    if (keyword == "type") {
      const auto fits = [&](const value& type) { return has_type(type.as_string(), v); };
      return fails(
          !(wanted.is_array() ? std::ranges::any_of(wanted.as_array(), fits) : fits(wanted)));
    }
    if (keyword == "const") {
      return fails(wanted != v);
    }
    if (keyword == "enum") {
      return fails(std::ranges::find(wanted.as_array(), v) == wanted.as_array().end());
    }
    if (keyword == "anyOf") {
      return fails(std::ranges::none_of(
          wanted.as_array(), [&](const value& each) { return check(each, v, at).empty(); }));
    }
    if (keyword == "pattern") {
      return fails(v.is_string() &&
                   !std::regex_search(std::string(v.as_string()),
                                      std::regex(std::string(wanted.as_string()))));
    }
    if (keyword == "minimum" || keyword == "maximum") {
      return fails(v.is_number() && (keyword == "minimum" ? number(v) < number(wanted)
                                                          : number(v) > number(wanted)));
    }
    if (keyword == "minLength") {
      return fails(v.is_string() && v.as_string().size() < wanted.to_number<std::size_t>());
    }
    if (keyword == "maxItems") {
      return fails(v.is_array() && v.as_array().size() > wanted.to_number<std::size_t>());
    }
    return check_children(keyword, wanted, schema, v, at);
  }

  std::string check_children(std::string_view keyword, const value& wanted,
                             const boost::json::object& schema, const value& v,
                             const std::string& at) const {
    if (keyword == "items") {
      for (const auto& each : v.is_array() ? v.as_array() : boost::json::array()) {
        if (auto wrong = check(wanted, each, at + "[]"); !wrong.empty()) {
          return wrong;
        }
      }
      return "";
    }
    if (!v.is_object()) {
      return "";
    }
    if (keyword == "required") {
      for (const auto& name : wanted.as_array()) {
        if (!v.as_object().contains(name.as_string())) {
          return at + " lacks " + std::string(name.as_string());
        }
      }
      return "";
    }
    if (keyword == "properties") {
      for (const auto& [name, each] : v.as_object()) {
        const auto* listed = wanted.as_object().if_contains(name);
        if (listed == nullptr && !schema.contains("additionalProperties")) {
          return at + " has an unlisted " + std::string(name);
        }
        auto wrong = listed == nullptr ? "" : check(*listed, each, at + "." + std::string(name));
        if (!wrong.empty()) {
          return wrong;
        }
      }
      return "";
    }
    return "the checker does not know " + std::string(keyword);
  }

  value document_;
};

}  // namespace troupe::http::testing
