// SPDX-License-Identifier: GPL-3.0-or-later
// Application and stream key out of what encoders make of an address. OBS has two fields for it,
// others one, and people paste either half into either field:
//   rtmp://host/app + KEY, rtmp://host/app/KEY + "", rtmp://host/app?x=y + KEY?x=y, app/ + /KEY
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace troupe::rtmp {

struct publish_name {
  std::string app;
  std::string key;  ///< empty when there is none, or it cannot be one

  friend bool operator==(const publish_name&, const publish_name&) = default;
};

/// app: of connect; name: of publish.
publish_name read_publish_name(std::string_view app, std::string_view name);

}  // namespace troupe::rtmp
