// SPDX-License-Identifier: GPL-3.0-or-later
// A fresh database of either engine for one test. PostgreSQL: the server named by
// TROUPE_TEST_POSTGRES, or one started for this process where Debian's postgresql-15 is installed.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "storage/database.hpp"
#include "storage/sql/postgresql_engine.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troupe::storage::test {

using troupe::test::temporary_folder;

/// The server of this process; it ends when our end of its input closes, however we end.
class postgres_server {
 public:
  /// Nothing where there is no PostgreSQL.
  static const std::optional<std::string>& url() {
    static const postgres_server server;
    return server.url_;
  }

 private:
  postgres_server() {
    if (const char* given = std::getenv("TROUPE_TEST_POSTGRES")) {
      url_ = given;
      return;
    }
    const auto folder = folder_.path / "server";
    std::filesystem::permissions(folder_.path, std::filesystem::perms::all);
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl(TROUPE_SOURCE_DIR "/tests/support/postgres.sh", "postgres.sh", "serve",
              folder.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) {
      line.push_back(c);
    }
    ::close(out[0]);
    if (line.starts_with("postgresql://")) {
      url_ = line;
    }
  }

  ~postgres_server() {
    if (child_ > 0) {
      ::close(input_);
      ::waitpid(child_, nullptr, 0);
    }
  }

  temporary_folder folder_;
  pid_t child_ = -1;
  int input_ = -1;
  std::optional<std::string> url_;
};

/// url with another database name in its path.
inline std::string with_database(const std::string& url, const std::string& name) {
  const auto host = url.find("://") + 3;
  const auto path = url.find('/', host);
  const auto query = url.find('?', host);
  return url.substr(0, std::min(path, query)) + "/" + name +
         (query == std::string::npos ? "" : url.substr(query));
}

class fresh_store {
 public:
  explicit fresh_store(engine kind) {
    if (kind == engine::sqlite) {
      url = "sqlite:" + (folder.path / "troupe.db").string();
    } else {
      make_database();
    }
    reopen();
  }

  void reopen() {
    store.reset();
    database_options options;
    options.observe = [this](std::string_view s) {
      const std::lock_guard lock(mutex);
      statements.emplace(s);
    };
    auto opened = database::open(url, time, counters, options);
    INFO((opened ? std::string() : opened.error().message));
    REQUIRE(opened);
    store = std::move(*opened);
  }

  database* operator->() const { return store.get(); }

  temporary_folder folder;
  manual_clock time;
  metrics counters;
  std::string url;
  std::mutex mutex;
  std::set<std::string> statements;  ///< all that ran
  std::unique_ptr<database> store;

 private:
  void make_database() {
    static int made = 0;
    const auto server = postgres_server::url().value();
    const auto name = "t" + std::to_string(::getpid()) + "_" + std::to_string(++made);
    sql::call_watch watch;
    auto c = sql::connect_postgresql(sql::keyword_form(server).value(), watch, {});
    REQUIRE(c);
    REQUIRE((*c)->run("CREATE DATABASE " + name + " TEMPLATE template0"));
    url = with_database(server, name);
  }
};

/// A user called user<id>.
inline void add_user(fresh_store& store, user_id id) {
  user_record user;
  user.id = id;
  user.username = user.email = "user" + std::to_string(id);
  user.created_at = store.time.wall();
  REQUIRE(
      store->users().add(user, {user.username, user.email, {}, {static_cast<std::uint8_t>(id)}}));
}

/// Runs the rest of the test once for each engine that is there.
inline engine each_engine() {
  const bool have_server = postgres_server::url().has_value();
  if (!have_server) {
    WARN("no PostgreSQL here: only SQLite is tested");
  }
  const auto kind = GENERATE(engine::sqlite, engine::postgresql);
  return have_server ? kind : engine::sqlite;
}

/// The error of a result that must have one.
template <class T>
error error_of(const result<T>& r) {
  REQUIRE_FALSE(r.has_value());
  return r.error();
}

}  // namespace troupe::storage::test
