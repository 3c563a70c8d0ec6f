// SPDX-License-Identifier: GPL-3.0-or-later
// Lists as all calls give them: ?limit&cursor in, {"items":[…],"next":"cursor or null"} out.
// Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/page.hpp"
#include "base/result.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

struct page_request {
  int limit = 20;  ///< 1 to 100
  std::optional<std::string> cursor;
};

/// Errors: invalid_argument. Whether the cursor is one of ours is for who made it to say.
result<page_request> read_page_request(const request& r);

/// render: an item as JSON.
template <class T, class Render>
boost::json::value to_json(const page<T>& found, Render render) {
  boost::json::array items;
  items.reserve(found.items.size());
  for (const auto& each : found.items) {
    items.push_back(render(each));
  }
  return {{"items", std::move(items)},
          {"next", found.next ? boost::json::value(*found.next) : boost::json::value(nullptr)}};
}

}  // namespace troupe::http
