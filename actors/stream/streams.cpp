// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/streams.hpp"

namespace troupe::stream {

std::string_view to_string(status s) {
  switch (s) {
    case status::waiting:
      return "waiting";
    case status::live:
      return "live";
    case status::reconnecting:
      return "reconnecting";
    case status::ended:
      return "ended";
  }
  return "ended";
}

}  // namespace troupe::stream
