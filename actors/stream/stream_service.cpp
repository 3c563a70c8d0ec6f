// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/stream_service.hpp"

#include <algorithm>
#include <utility>

#include "actors/chat/messages.hpp"
#include "actors/stream/records.hpp"
#include "base/log.hpp"

namespace troupe::stream {
namespace {

// An end waits for a write of the store, whose own deadline is about 5 s.
constexpr auto entity_deadline = std::chrono::seconds(8);
constexpr int reconcile_batch = 500;

runtime::entity_name name_of(stream_id id) {
  return runtime::entity_name_of("stream", id);
}

}  // namespace

template <class T, class Job>
void stream_service::on_store(Job job, callback<T> done) {
  run_on<T>(d_.store_pool, std::move(job), std::move(done));
}

void stream_service::start(const account::identity& who, std::optional<std::string> title,
                           std::optional<std::int64_t> game_id, callback<info> done) {
  storage::new_stream wanted{.id = d_.ids.next(),
                             .owner = who.id,
                             .title = std::move(title),
                             .game_id = game_id,
                             .now = d_.time.wall()};
  on_store<info>(
      [this, wanted = std::move(wanted)]() -> result<info> {
        return map(d_.store.start_or_get(wanted), [this](const storage::started_stream& s) {
          auto started = to_info(s.stream, d_.time.wall());
          tell_room(started);
          if (d_.stored != nullptr) {
            d_.stored->raise();
          }
          return started;
        });
      },
      std::move(done));
}

void stream_service::tell_room(const info& s) {
  d_.entities.tell(
      d_.entities.open_session(), runtime::entity_name_of("room", s.owner),
      chat::stream_changed{
          {.stream = s.id, .status = std::string(to_string(s.status)), .title = s.title}});
}

std::function<info(const storage::stream_record&)> stream_service::as_info() const {
  return [now = d_.time.wall()](const storage::stream_record& row) { return to_info(row, now); };
}

void stream_service::find(stream_id id, callback<info> done) {
  on_store<info>([this, id] { return map(d_.store.find(id), as_info()); }, std::move(done));
}

void stream_service::find_current(user_id owner, callback<info> done) {
  on_store<info>([this, owner] { return map(d_.store.find_current(owner), as_info()); },
                 std::move(done));
}

void stream_service::list(list_request request, callback<page<info>> done) {
  std::optional<stream_id> before;
  if (request.cursor) {
    before = parse_id(*request.cursor);
    if (!before) {
      done(fail(errc::invalid_argument, "invalid_cursor", "cursor is not one that a list gave"));
      return;
    }
  }
  const int limit = std::clamp(request.limit, 1, 100);
  on_store<page<info>>(
      [this, limit, before, game = request.game_id]() -> result<page<info>> {
        // One more than asked for tells whether there is a next page.
        auto rows = d_.store.list_live(limit + 1, before, game);
        if (!rows) {
          return fail(std::move(rows.error()));
        }
        page<info> out;
        const bool has_more = rows->size() > static_cast<std::size_t>(limit);
        rows->resize(std::min(rows->size(), static_cast<std::size_t>(limit)));
        std::ranges::transform(*rows, std::back_inserter(out.items), as_info());
        if (has_more) {
          out.next = std::to_string(out.items.back().id);
        }
        return out;
      },
      std::move(done));
}

template <class T, class Then>
void stream_service::as_controller(const account::identity& who, stream_id id, callback<T> done,
                                   Then then) {
  find(id, [who, done = std::move(done), then = std::move(then)](result<info> found) mutable {
    if (!found) {
      done(fail(std::move(found.error())));
    } else if (found->owner != who.id && !who.is_administrator) {
      done(fail(errc::forbidden, "not_your_stream", "only the stream's owner may do this"));
    } else {
      then(std::move(*found), std::move(done));
    }
  });
}

void stream_service::end(const account::identity& who, stream_id id, callback<info> done) {
  as_controller<info>(who, id, std::move(done), [this, id](info found, callback<info> answer) {
    if (found.status == status::ended) {
      answer(std::move(found));
      return;
    }
    d_.entities.ask(d_.entities.open_session(), name_of(id), end_stream{}, entity_deadline,
                    std::move(answer));
  });
}

void stream_service::health_of(const account::identity& who, stream_id id, callback<health> done) {
  as_controller<health>(who, id, std::move(done),
                        [this, id](const info& found, callback<health> answer) {
                          if (found.status == status::ended) {
                            health idle;  // no reason to wake its entity
                            idle.status = found.status;
                            answer(std::move(idle));
                            return;
                          }
                          d_.entities.ask(d_.entities.open_session(), name_of(id), read_health{},
                                          entity_deadline, std::move(answer));
                        });
}

result<std::size_t> stream_service::reconcile_all() {
  std::size_t woken = 0;
  stream_id after = 0;
  const auto session = d_.entities.open_session();
  for (;;) {
    auto rows = d_.store.list_unfinished(reconcile_batch, after);
    if (!rows) {
      return fail(std::move(rows.error()));
    }
    if (rows->empty()) {
      return woken;
    }
    for (const auto& row : *rows) {
      after = row.id;
      if (row.status != storage::stream_status::waiting) {
        d_.entities.tell(session, name_of(row.id), reconcile{});
        ++woken;
      }
    }
  }
}

result<std::size_t> stream_service::end_unpublished(duration older_than) {
  const auto now = d_.time.wall();
  const auto ended = d_.store.end_stale_waiting(
      now - std::chrono::floor<std::chrono::microseconds>(older_than), now);
  if (!ended) {
    return fail(ended.error());
  }
  for (const auto id : *ended) {
    log::info("stream ended: never published stream={}", id);
  }
  return ended->size();
}

}  // namespace troupe::stream
