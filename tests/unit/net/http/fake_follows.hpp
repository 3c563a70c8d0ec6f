// SPDX-License-Identifier: GPL-3.0-or-later
// Follows in memory. The users are 7, "aya", and 42, "bo", who is live; nobody else exists.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "actors/follow/follows.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace troupe::http::testing {

class fake_follows final : public follow::follows, public fake_backend {
 public:
  std::map<std::pair<user_id, user_id>, wall_time> all;  ///< by follower and channel
  std::optional<follow::list_request> listed;
  std::optional<user_id> viewer;  ///< of the last profile
  wall_time now = from_unix_ms(1'768'471'200'123);

  void follow(const account::identity& who, user_id channel,
              callback<follow::relation> done) override {
    if (is_user(channel)) {
      all.try_emplace({who.id, channel}, now);
    }
    answer<follow::relation>(std::move(done), relation_of(who.id, channel));
  }

  void unfollow(const account::identity& who, user_id channel,
                callback<follow::relation> done) override {
    all.erase({who.id, channel});
    answer<follow::relation>(std::move(done), relation_of(who.id, channel));
  }

  void followers(user_id channel, follow::list_request request,
                 callback<page<follow::follower>> done) override {
    page<follow::follower> found;
    for (const auto& [pair, since] : all) {
      if (pair.second == channel) {
        found.items.push_back({pair.first, name_of(pair.first), since});
      }
    }
    answer_page(channel, std::move(request), std::move(found), std::move(done));
  }

  void following(user_id user, follow::list_request request,
                 callback<page<follow::followed>> done) override {
    page<follow::followed> found;
    for (const auto& [pair, since] : all) {
      if (pair.first == user) {
        found.items.push_back({pair.second, name_of(pair.second), since, std::nullopt});
        if (pair.second == 42) {
          found.items.back().stream = fake_streams::make(4200, 42);
        }
      }
    }
    answer_page(user, std::move(request), std::move(found), std::move(done));
  }

  void live_followed(user_id user, follow::list_request request,
                     callback<page<stream::info>> done) override {
    page<stream::info> found;
    if (all.contains({user, 42})) {
      found.items.push_back(fake_streams::make(4200, 42));
    }
    answer_page(7, std::move(request), std::move(found), std::move(done));
  }

  void profile_of(user_id user, std::optional<user_id> who,
                  callback<follow::profile> done) override {
    viewer = who;
    if (!is_user(user)) {
      return answer<follow::profile>(std::move(done), fail(errc::not_found, "no such user"));
    }
    follow::profile p{.id = user,
                      .username = name_of(user),
                      .created_at = from_unix_ms(1'768'471'200'000),
                      .follower_count = count_followers(user),
                      .following_count = 0,
                      .stream = user == 42 ? std::optional<stream_id>(4200) : std::nullopt,
                      .followed_at = who ? since(*who, user) : std::nullopt};
    answer<follow::profile>(std::move(done), std::move(p));
  }

  void profile_named(std::string username, std::optional<user_id> who,
                     callback<follow::profile> done) override {
    profile_of(username == "aya" ? 7 : username == "bo" ? 42 : 99, who, std::move(done));
  }

  void followed_at(user_id user, user_id channel,
                   callback<std::optional<wall_time>> done) override {
    answer<std::optional<wall_time>>(std::move(done), since(user, channel));
  }

 private:
  static bool is_user(user_id user) { return user == 7 || user == 42; }

  static std::string name_of(user_id user) { return user == 42 ? "bo" : "aya"; }

  std::optional<wall_time> since(user_id user, user_id channel) const {
    const auto found = all.find({user, channel});
    return found == all.end() ? std::nullopt : std::optional(found->second);
  }

  std::int64_t count_followers(user_id channel) const {
    return std::ranges::count_if(all,
                                 [&](const auto& each) { return each.first.second == channel; });
  }

  result<follow::relation> relation_of(user_id user, user_id channel) const {
    if (!is_user(channel)) {
      return fail(errc::not_found, "no such user");
    }
    return follow::relation{channel, since(user, channel), count_followers(channel)};
  }

  template <class T>
  void answer_page(user_id whose, follow::list_request request, page<T> found,
                   callback<page<T>> done) {
    found.next = request.cursor ? std::nullopt : std::optional<std::string>("1768471200123000-7");
    listed = std::move(request);
    answer<page<T>>(std::move(done), is_user(whose) ? result<page<T>>(std::move(found))
                                                    : fail(errc::not_found, "no such user"));
  }
};

}  // namespace troupe::http::testing
