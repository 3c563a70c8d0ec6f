// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/error.hpp"

#include <utility>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::invalid_argument:
      return "invalid_argument";
    case errc::unauthenticated:
      return "unauthenticated";
    case errc::forbidden:
      return "forbidden";
    case errc::not_found:
      return "not_found";
    case errc::conflict:
      return "conflict";
    case errc::too_large:
      return "too_large";
    case errc::rate_limited:
      return "rate_limited";
    case errc::unavailable:
      return "unavailable";
    case errc::deadline_exceeded:
      return "deadline_exceeded";
    case errc::unsupported:
      return "unsupported";
    case errc::data_corrupt:
      return "data_corrupt";
    case errc::internal:
      return "internal";
  }
  return "internal";
}

error error::with(std::string_view context) const {
  error copy = *this;
  copy.message.insert(0, ": ").insert(0, context);
  return copy;
}

error make_error(errc code, std::string message) {
  return {code, std::string(to_string(code)), std::move(message)};
}

error make_error(errc code, std::string reason, std::string message) {
  return {code, std::move(reason), std::move(message)};
}

}  // namespace troupe
