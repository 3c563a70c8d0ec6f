// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/follow/follow_service.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "actors/account/rules.hpp"
#include "actors/follow/cursors.hpp"
#include "actors/stream/records.hpp"

namespace troupe::follow {
namespace {

constexpr std::size_t longest_name = 64;  // bytes; above what any rule for names allowed

constexpr const char* changes_name = "troupe_follow_changes_total";
constexpr const char* changes_help = "Follows begun and ended; repetitions are not counted";

std::unexpected<error> invalid_cursor() {
  return fail(errc::invalid_argument, "invalid_cursor", "cursor is not one that a list gave");
}

profile to_profile(const storage::profile_record& r) {
  return {.id = r.id,
          .username = r.username,
          .created_at = r.created_at,
          .follower_count = r.follower_count,
          .following_count = r.following_count,
          .stream = r.stream,
          .followed_at = r.followed_at};
}

relation to_relation(user_id channel, const storage::follow_change& c) {
  return {.channel = channel, .followed_at = c.followed_at, .follower_count = c.follower_count};
}

void note_change(const service_dependencies& d, metrics::counter& count, user_id channel,
                 user_id follower, const storage::follow_change& c) {
  if (!c.changed) {
    return;
  }
  count.add();
  if (d.on_change) {
    d.on_change(channel, follower);
  }
}

/// What a list was asked for, understood.
template <class Place>
struct list_place {
  std::size_t limit = 0;
  std::optional<Place> before;
};

template <class Place, class Parse>
result<list_place<Place>> read_place(const list_request& request, Parse parse) {
  list_place<Place> place{.limit = static_cast<std::size_t>(std::clamp(request.limit, 1, 100)),
                          .before = std::nullopt};
  if (request.cursor) {
    place.before = parse(*request.cursor);
    if (!place.before) {
      return invalid_cursor();
    }
  }
  return place;
}

/// A page of rows, one of which is more than asked for when there is a next page. cursor_of: where
/// a row stands.
template <class T, class Row, class Convert, class CursorOf>
page<T> to_page(std::vector<Row> rows, std::size_t limit, Convert convert, CursorOf cursor_of) {
  page<T> out;
  const bool has_more = rows.size() > limit;
  rows.resize(std::min(rows.size(), limit));
  if (has_more) {
    out.next = cursor_of(rows.back());
  }
  out.items.reserve(rows.size());
  std::ranges::transform(rows, std::back_inserter(out.items), convert);
  return out;
}

/// A user without any followers, and nobody: only then is it asked whether there is such a user.
template <class Rows>
result<Rows> unless_nobody(result<Rows> rows, storage::user_store& users, user_id user) {
  if (rows && rows->empty()) {
    if (const auto found = users.find(user); !found) {
      return fail(found.error());
    }
  }
  return rows;
}

std::string cursor_of(const auto& row) {
  return to_cursor({.followed_at = row.followed_at, .id = row.id});
}

}  // namespace

follow_service::follow_service(settings s, const service_dependencies& d)
    : most_followed_(s.most_followed > 0 ? s.most_followed
                                         : std::numeric_limits<std::int64_t>::max()),
      d_(d),
      followed_(d.counters.make_counter(changes_name, changes_help, {{"change", "followed"}})),
      unfollowed_(d.counters.make_counter(changes_name, changes_help, {{"change", "unfollowed"}})) {
}

template <class T, class Job>
void follow_service::on_store(Job job, callback<T> done) {
  run_on<T>(d_.store_pool, std::move(job), std::move(done));
}

void follow_service::follow(const account::identity& who, user_id channel,
                            callback<relation> done) {
  if (who.id == channel) {
    done(fail(errc::invalid_argument, "own_channel", "nobody can follow themselves"));
    return;
  }
  on_store<relation>(
      [d = d_, counter = &followed_, follower = who.id, channel,
       most = most_followed_]() -> result<relation> {
        return map(d.store.add(follower, channel, d.time.wall(), most),
                   [&](const storage::follow_change& c) {
                     note_change(d, *counter, channel, follower, c);
                     return to_relation(channel, c);
                   });
      },
      std::move(done));
}

void follow_service::unfollow(const account::identity& who, user_id channel,
                              callback<relation> done) {
  on_store<relation>(
      [d = d_, counter = &unfollowed_, follower = who.id, channel]() -> result<relation> {
        return map(d.store.remove(follower, channel), [&](const storage::follow_change& c) {
          note_change(d, *counter, channel, follower, c);
          return to_relation(channel, c);
        });
      },
      std::move(done));
}

void follow_service::followers(user_id channel, list_request request,
                               callback<page<follower>> done) {
  const auto place = read_place<storage::follow_place>(request, parse_cursor);
  if (!place) {
    done(fail(place.error()));
    return;
  }
  on_store<page<follower>>(
      [d = d_, channel, p = *place]() -> result<page<follower>> {
        auto rows = d.store.list_followers(channel, static_cast<int>(p.limit) + 1, p.before);
        return map(unless_nobody(std::move(rows), d.users, channel), [&](auto found) {
          const auto convert = [](storage::follower_record& r) {
            return follower{r.id, std::move(r.username), r.followed_at};
          };
          return to_page<follower>(std::move(found), p.limit, convert,
                                   cursor_of<storage::follower_record>);
        });
      },
      std::move(done));
}

void follow_service::following(user_id user, list_request request, callback<page<followed>> done) {
  const auto place = read_place<storage::follow_place>(request, parse_cursor);
  if (!place) {
    done(fail(place.error()));
    return;
  }
  on_store<page<followed>>(
      [d = d_, user, p = *place]() -> result<page<followed>> {
        auto rows = d.store.list_following(user, static_cast<int>(p.limit) + 1, p.before);
        return map(unless_nobody(std::move(rows), d.users, user), [&](auto found) {
          const auto convert = [now = d.time.wall()](storage::followed_record& r) {
            followed f{r.id, std::move(r.username), r.followed_at, std::nullopt};
            if (r.stream) {
              f.stream = stream::to_info(*r.stream, now);
            }
            return f;
          };
          return to_page<followed>(std::move(found), p.limit, convert,
                                   cursor_of<storage::followed_record>);
        });
      },
      std::move(done));
}

void follow_service::live_followed(user_id user, list_request request,
                                   callback<page<stream::info>> done) {
  const auto place = read_place<stream_id>(request, parse_id);
  if (!place) {
    done(fail(place.error()));
    return;
  }
  on_store<page<stream::info>>(
      [d = d_, user, p = *place]() -> result<page<stream::info>> {
        return map(d.store.list_live_followed(user, static_cast<int>(p.limit) + 1, p.before),
                   [&](auto found) {
                     const auto convert = [now = d.time.wall()](const storage::stream_record& r) {
                       return stream::to_info(r, now);
                     };
                     return to_page<stream::info>(std::move(found), p.limit, convert,
                                                  [](const storage::stream_record& last) {
                                                    return std::to_string(last.id);
                                                  });
                   });
      },
      std::move(done));
}

void follow_service::profile_of(user_id user, std::optional<user_id> viewer,
                                callback<profile> done) {
  on_store<profile>(
      [d = d_, user, viewer] { return map(d.store.profile(user, viewer), to_profile); },
      std::move(done));
}

void follow_service::profile_named(std::string username, std::optional<user_id> viewer,
                                   callback<profile> done) {
  if (username.size() > longest_name) {  // nobody has it: no need to ask
    done(fail(errc::not_found, "no such user"));
    return;
  }
  on_store<profile>([d = d_, key = account::canonical(username),
                     viewer] { return map(d.store.profile_by_name(key, viewer), to_profile); },
                    std::move(done));
}

void follow_service::followed_at(user_id user, user_id channel,
                                 callback<std::optional<wall_time>> done) {
  on_store<std::optional<wall_time>>(
      [d = d_, user, channel] { return d.store.followed_at(user, channel); }, std::move(done));
}

}  // namespace troupe::follow
