// SPDX-License-Identifier: GPL-3.0-or-later
// The table of routes: what exists, who may call it, what answers it. The table is the one place
// where access is decided, and what openapi.json is tested against.
// Thread: filled before the first request, then const and read from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/account/accounts.hpp"
#include "base/ids.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

/// Its names stand in openapi.json as x-access.
enum class access : std::uint8_t {
  everyone,
  visitor,        ///< everyone; an access token, if one is sent, says who asks and must be valid
  user,           ///< a valid access token
  owner,          ///< a valid access token; the behaviour compares it with the owner it alone knows
  moderator,      ///< a valid access token; the room, which alone knows its moderators, decides
  administrator,  ///< an access token that says so
  operators,      ///< loopback and limits.trusted, or an administrator
};

/// One request on its way to its handler, which answers it exactly once, from any thread.
struct call {
  request req;
  responder answer;
  std::optional<account::identity> who;  ///< set where the route asks for a user
  id captured = 0;                       ///< the first id in the path, where the pattern has one
  id captured2 = 0;                      ///< the second
};

struct route {
  std::string method;   ///< GET, POST, PUT, PATCH or DELETE; HEAD is answered by GET
  std::string pattern;  ///< "/api/v1/streams/{stream_id}": a capture is an id and fills a segment,
                        ///< at most two
  access who = access::user;
  std::function<void(call)> run;
  /// The behaviour limits its users and remembers their Idempotency-Keys itself: the limit per user
  /// and the store of keys here leave the route alone.
  bool has_own_rules = false;
  /// Its answers hold secrets, which are not kept for repeats: an Idempotency-Key is not looked at.
  bool answers_secrets = false;
  /// Who sends a form is told of errors as OAuth 2.0 has them (oauth_errors.hpp).
  bool speaks_oauth = false;
};

class router {
 public:
  void add(route r);

  struct match {
    const route* found = nullptr;
    id captured = 0;
    id captured2 = 0;
    /// When found is null: the value of Allow if the path exists under other methods, else empty.
    std::string allow;
  };

  match find(std::string_view method, std::string_view path) const;

  const std::vector<route>& routes() const { return routes_; }

 private:
  std::vector<route> routes_;
};

}  // namespace troupe::http
