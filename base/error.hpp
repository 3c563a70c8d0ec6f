// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong, as a value: a closed class that says what a caller can do, a stable reason for
// programs, a sentence for people. Errors cross modules and nodes; exceptions do not. Thread: plain
// data.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// What a caller can do about an error. Closed: edges map each value to one HTTP status, RTMP code
/// or exit code.
enum class errc : std::uint8_t {
  invalid_argument,   ///< the request is wrong in itself: correct it, do not retry (400)
  unauthenticated,    ///< no or bad credentials: log in (401)
  forbidden,          ///< known, but not allowed (403)
  not_found,          ///< the thing does not exist (404)
  conflict,           ///< the present state forbids it, e.g. a name that is taken (409)
  too_large,          ///< over a size limit (413)
  rate_limited,       ///< over a rate or count limit: retry later (429)
  unavailable,        ///< a part is away or overloaded: retry later (503)
  deadline_exceeded,  ///< no answer in time; it may have been applied (504)
  unsupported,        ///< well-formed, but not something we do (415, 501)
  data_corrupt,       ///< stored or received bytes do not parse: an operator looks
  internal,           ///< a bug of ours (500)
};

/// "invalid_argument" and so on: the name used in logs and as the default reason.
std::string_view to_string(errc code) noexcept;

struct error {
  errc code = errc::internal;
  /// Machine-readable, snake_case, part of the public interface: "username_taken", "rate_limited".
  std::string reason;
  /// One sentence for a person, without secrets. with() adds context in front.
  std::string message;
  /// After how long trying again makes sense; zero: not known.
  std::chrono::milliseconds retry_after{0};

  /// The same error with what was being done put before its sentence: "opening cluster.conf: …".
  error with(std::string_view context) const;

  friend bool operator==(const error&, const error&) = default;
};

/// An error whose reason is the name of its class.
error make_error(errc code, std::string message);
error make_error(errc code, std::string reason, std::string message);

}  // namespace troupe
