// SPDX-License-Identifier: GPL-3.0-or-later
// A stream as every call that answers streams shows it. Pure function; any thread.
#pragma once

#include <boost/json/value.hpp>

#include "actors/stream/streams.hpp"

namespace troupe::http {

boost::json::value to_json(const stream::info& s);

}  // namespace troupe::http
