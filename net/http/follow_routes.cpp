// SPDX-License-Identifier: GPL-3.0-or-later
// What everyone may see of a user, and who follows whom.
#include <boost/json/value.hpp>

#include "base/clock.hpp"
#include "net/http/paging.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"
#include "net/http/stream_json.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

json::value time_or_null(const std::optional<wall_time>& t) {
  return t ? json::value(to_iso8601(*t)) : json::value(nullptr);
}

response show_relation(const follow::relation& r) {
  return json_response(200, {{"user_id", r.channel},
                             {"is_followed", r.followed_at.has_value()},
                             {"followed_at", time_or_null(r.followed_at)},
                             {"follower_count", r.follower_count}});
}

json::value follower_json(const follow::follower& f) {
  return {{"user_id", f.id}, {"username", f.username}, {"followed_at", to_iso8601(f.followed_at)}};
}

json::value followed_json(const follow::followed& f) {
  return {{"user_id", f.id},
          {"username", f.username},
          {"followed_at", to_iso8601(f.followed_at)},
          {"stream", f.stream ? to_json(*f.stream) : json::value(nullptr)}};
}

/// Whether a stranger follows is nobody's to say: null.
response show_profile(const follow::profile& p, bool is_stranger) {
  return json_response(
      200,
      {{"user_id", p.id},
       {"username", p.username},
       {"created_at", to_iso8601(p.created_at)},
       {"follower_count", p.follower_count},
       {"following_count", p.following_count},
       {"stream_id", p.stream ? json::value(*p.stream) : json::value(nullptr)},
       {"is_followed", is_stranger ? json::value(nullptr) : json::value(p.followed_at.has_value())},
       {"followed_at", time_or_null(p.followed_at)}});
}

std::optional<user_id> viewer_of(const call& c) {
  return c.who ? std::optional(c.who->id) : std::nullopt;
}

callback<follow::profile> answer_with_profile(call& c) {
  return answer_with<follow::profile>(
      std::move(c.answer),
      [is_stranger = !c.who](const follow::profile& p) { return show_profile(p, is_stranger); });
}

void find_by_name(const services& s, call c) {
  const auto username = c.req.query_value("username");
  if (!username || username->empty()) {
    return c.answer(error_response(make_error(errc::invalid_argument, "\"username\" is missing")));
  }
  s.parts.follows->profile_named(std::string(*username), viewer_of(c), answer_with_profile(c));
}

template <class T>
using list_call = void (follow::follows::*)(user_id, follow::list_request, callback<page<T>>);

/// One page of what that call lists of that user.
template <class T>
void list(const services& s, call c, user_id whose, list_call<T> ask,
          json::value (*render)(const T&)) {
  auto wanted = read_page_request(c.req);
  if (!wanted) {
    return c.answer(error_response(wanted.error()));
  }
  auto show = [render](const page<T>& found) { return json_response(200, to_json(found, render)); };
  ((*s.parts.follows).*ask)(whose, {.limit = wanted->limit, .cursor = std::move(wanted->cursor)},
                            answer_with<page<T>>(std::move(c.answer), std::move(show)));
}

void add_profile_routes(router& table, const shared_services& s) {
  table.add(
      {"GET", "/api/v1/users", access::visitor, [s](call c) { find_by_name(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/users/{user_id}", access::visitor, [s](call c) {
               s->parts.follows->profile_of(c.captured, viewer_of(c), answer_with_profile(c));
             }});
}

}  // namespace

void add_follow_routes(router& table, const shared_services& s) {
  add_profile_routes(table, s);
  table.add({"PUT", "/api/v1/users/{user_id}/follow", access::user, [s](call c) {
               s->parts.follows->follow(
                   *c.who, c.captured,
                   answer_with<follow::relation>(std::move(c.answer), show_relation));
             }});
  table.add({"DELETE", "/api/v1/users/{user_id}/follow", access::user, [s](call c) {
               s->parts.follows->unfollow(
                   *c.who, c.captured,
                   answer_with<follow::relation>(std::move(c.answer), show_relation));
             }});
  table.add({"GET", "/api/v1/users/{user_id}/followers", access::everyone, [s](call c) {
               const auto whose = c.captured;
               list<follow::follower>(*s, std::move(c), whose, &follow::follows::followers,
                                      follower_json);
             }});
  table.add({"GET", "/api/v1/users/{user_id}/following", access::everyone, [s](call c) {
               const auto whose = c.captured;
               list<follow::followed>(*s, std::move(c), whose, &follow::follows::following,
                                      followed_json);
             }});
  table.add({"GET", "/api/v1/users/me/following/live", access::user, [s](call c) {
               const auto whose = c.who->id;
               list<stream::info>(*s, std::move(c), whose, &follow::follows::live_followed,
                                  to_json);
             }});
}

}  // namespace troupe::http
