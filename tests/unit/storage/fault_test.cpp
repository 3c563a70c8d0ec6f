// SPDX-License-Identifier: GPL-3.0-or-later
// What a store does when the disk, the file, the server or the process fails.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include "storage/sql/sqlite_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

result<std::unique_ptr<database>> open_at(const std::filesystem::path& file) {
  static metrics counters;
  return database::open("sqlite:" + file.string(), system_clock(), counters);
}

/// The child's whole life: adds users and says each one's number once the store has answered.
[[noreturn]] void write_until_killed(const std::filesystem::path& file, int told) {
  auto store = open_at(file);
  for (user_id id = 1; store; ++id) {
    user_record user;
    user.id = id;
    user.username = "user" + std::to_string(id);
    bytes digest(8);
    std::memcpy(digest.data(), &id, sizeof id);
    if (!(*store)->users().add(user, {user.username, user.username, {1}, digest}) ||
        ::write(told, &id, sizeof id) != sizeof id) {
      break;
    }
  }
  ::_exit(1);
}

user_record some_user(user_id id) {
  user_record user;
  user.id = id;
  user.username = "user" + std::to_string(id);
  return user;
}

user_keys keys_of(user_id id, std::size_t size) {
  const auto name = "user" + std::to_string(id);
  return {name, name, bytes(size, 1), {static_cast<std::uint8_t>(id)}};
}

}  // namespace

TEST_CASE("sqlite: kill -9 loses nothing that was acknowledged", "[storage]") {
  const temporary_folder folder;
  const auto file = folder.path / "t.db";
  REQUIRE(open_at(file));
  user_id last = 0;
  for (const int round_writes : {1, 7, 40}) {
    const auto copy = folder.path / ("round" + std::to_string(round_writes) + ".db");
    std::array<int, 2> channel{};
    REQUIRE(::pipe(channel.data()) == 0);
    const auto child = ::fork();
    if (child == 0) {
      write_until_killed(copy, channel[1]);
    }
    ::close(channel[1]);
    for (int i = 0; i < round_writes; ++i) {
      REQUIRE(::read(channel[0], &last, sizeof last) == sizeof last);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    // What it told before it died counts too.
    while (::read(channel[0], &last, sizeof last) == sizeof last) {
    }
    ::close(channel[0]);

    auto store = open_at(copy);
    REQUIRE(store);
    for (user_id id = 1; id <= last; ++id) {
      CHECK((*store)->users().find(id));
    }
    CHECK_FALSE((*store)->users().find(last + 2));
  }
}

TEST_CASE("sqlite: the folder and the file are its owner's alone", "[storage]") {
  const temporary_folder folder;
  const auto file = folder.path / "a" / "b" / "t.db";
  REQUIRE(open_at(file));
  struct stat about{};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  REQUIRE(::stat(file.parent_path().c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0700);
}

TEST_CASE("sqlite: says why a file cannot be the database", "[storage]") {
  const temporary_folder folder;
  const auto file = folder.path / "t.db";
  SECTION("not a database") {
    std::ofstream(file) << std::string(5000, 'x');
    CHECK(error_of(open_at(file)).reason == "not_a_database");
  }
  SECTION("another program's database") {
    REQUIRE(sql::prepare_sqlite_file(file));
    auto c = sql::connect_sqlite(file, sql::sqlite_role::writer, {});
    REQUIRE((*c)->run("CREATE TABLE photo (id INTEGER)"));
    CHECK(error_of(open_at(file)).reason == "not_our_database");
  }
  SECTION("a folder") {
    std::filesystem::create_directory(file);
    CHECK(error_of(open_at(file)).reason == "store_not_writable");
  }
  SECTION("below a file") {
    std::ofstream(folder.path / "plain") << "x";
    CHECK(error_of(open_at(folder.path / "plain" / "t.db")).reason == "store_not_writable");
  }
  SECTION("no path") {
    CHECK(error_of(open_at("")).code == errc::invalid_argument);
  }
  SECTION("a path with quotes") {
    CHECK(error_of(open_at(folder.path / "a\"b.db")).code == errc::invalid_argument);
  }
  SECTION("a folder that cannot be written") {
    if (::geteuid() == 0) {
      WARN("root may write anywhere: /proc stands in for a read-only folder");
      CHECK(error_of(open_at("/proc/troupe/t.db")).reason == "store_not_writable");
    } else {
      std::filesystem::permissions(folder.path, std::filesystem::perms::owner_read);
      const auto refused = error_of(open_at(file));
      std::filesystem::permissions(folder.path, std::filesystem::perms::owner_all);
      CHECK(refused.reason == "store_not_writable");
    }
  }
}

TEST_CASE("sqlite: a full disk refuses the write and harms nothing", "[storage]") {
  const temporary_folder folder;
  const auto file = folder.path / "t.db";
  REQUIRE(open_at(file));
  const auto child = ::fork();
  if (child == 0) {
    // A limit on the size of files stands in for the end of the disk.
    ::signal(SIGXFSZ, SIG_IGN);
    auto store = open_at(file);
    const rlimit limit{400'000, 400'000};
    if (!store || !(*store)->users().add(some_user(1), keys_of(1, 10)) ||
        ::setrlimit(RLIMIT_FSIZE, &limit) != 0) {
      ::_exit(1);
    }
    const auto refused = (*store)->users().add(some_user(2), keys_of(2, 1'000'000));
    if (refused || refused.error().code != errc::unavailable) {
      ::_exit(2);
    }
    // Small things still fit, and reading goes on.
    if (!(*store)->users().find(1) || !(*store)->users().add(some_user(3), keys_of(3, 10))) {
      ::_exit(3);
    }
    ::_exit(0);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  auto store = open_at(file);
  REQUIRE(store);
  CHECK((*store)->users().find(1));
  CHECK_FALSE((*store)->users().find(2));
  CHECK((*store)->users().find(3));
}

TEST_CASE("sqlite: waits for another process's lock, but not for ever", "[storage]") {
  fresh_store store(engine::sqlite);
  REQUIRE(store->users().add(some_user(1), keys_of(1, 1)));
  auto other =
      sql::connect_sqlite(store.folder.path / "troupe.db", sql::sqlite_role::writer, {}).value();
  {
    auto held = sql::transaction::begin(*other);
    REQUIRE(held);
    CHECK(store->users().find(1));
    const auto refused = error_of(store->users().add(some_user(2), keys_of(2, 1)));
    CHECK(refused.code == errc::unavailable);
    CHECK(refused.reason == "store_busy");
  }
  CHECK(store->users().add(some_user(2), keys_of(2, 1)));
}

TEST_CASE("store: many threads at once", "[storage]") {
  fresh_store store(each_engine());
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(8);
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        const auto name = "e/" + std::to_string(t);
        failed += !store->entities().claim({name, "n", 1, 1, 0}).has_value();
        for (int i = 0; i < 20; ++i) {
          const entity_write w{name, 1, 1, bytes(100, 7), {}};
          const auto done = store->entities().commit_batch({&w, 1});
          failed += !done || !done->front().committed;
          failed += !store->entities().load(name).has_value();
        }
      });
    }
  }
  CHECK(failed == 0);
  for (int t = 0; t < 8; ++t) {
    CHECK(store->entities().load("e/" + std::to_string(t)).value().version == 20);
  }
}

TEST_CASE("postgresql: a lost connection is replaced, a lock that is held is not waited for",
          "[storage]") {
  if (!postgres_server::url()) {
    WARN("no PostgreSQL here");
    return;
  }
  fresh_store store(engine::postgresql);
  REQUIRE(store->users().add(some_user(1), keys_of(1, 1)));
  sql::call_watch watch;
  auto other = sql::connect_postgresql(sql::keyword_form(store.url).value(), watch, {}).value();
  REQUIRE(
      other->run("SELECT pg_terminate_backend(pid, 1500) FROM pg_stat_activity "
                 "WHERE pid <> pg_backend_pid() AND datname = current_database()"));
  CHECK(store->users().find(1));
  CHECK(store->ping());

  // Or the server would end the holder before it refuses the one who waits.
  REQUIRE(other->run("SET idle_in_transaction_session_timeout = 0"));
  auto held = sql::transaction::begin(*other);
  REQUIRE(held);
  REQUIRE(other->run("UPDATE users SET email = 'x'"));
  CHECK(error_of(store->users().replace_stream_key(1, bytes{1}, bytes{2})).reason == "store_busy");
}

TEST_CASE("postgresql: a call without an answer is cut", "[storage]") {
  if (!postgres_server::url()) {
    WARN("no PostgreSQL here");
    return;
  }
  fresh_store store(engine::postgresql);
  sql::call_watch watch;
  auto c = sql::connect_postgresql(sql::keyword_form(store.url).value(), watch, {}).value();
  SECTION("by the server") {
    const auto late = error_of(c->query("SELECT 1 FROM pg_sleep(60)", {}, 1));
    CHECK(late.code == errc::deadline_exceeded);
    CHECK_FALSE(c->is_broken());
  }
  SECTION("from outside, when the server does not") {
    REQUIRE(c->run("SET statement_timeout = 0"));
    const auto cut = error_of(c->query("SELECT 1 FROM pg_sleep(60)", {}, 1));
    CHECK(cut.code == errc::deadline_exceeded);
    CHECK(c->is_broken());
  }
}

TEST_CASE("postgresql: an address that leads nowhere is refused at once", "[storage]") {
  metrics counters;
  const auto open = [&](const std::string& url) {
    return error_of(database::open(url, system_clock(), counters));
  };
  CHECK(open("postgresql://u@127.0.0.1:1/x").reason == "store_unavailable");
  CHECK(open("postgresql://u@127.0.0.1:notaport/x").code != errc::internal);
  CHECK(open("postgresql://u@[bad").code == errc::invalid_argument);
  CHECK(open("mysql://x").code == errc::invalid_argument);
  CHECK(open("").code == errc::invalid_argument);
}

TEST_CASE("postgresql: an address becomes keywords, with our timeouts below its own", "[storage]") {
  const auto text =
      sql::keyword_form("postgresql://u:p%27w%5C@h:1234/d%20b?connect_timeout=9&options=-c%20x%3D1")
          .value();
  CHECK(text.find("host='h'") != text.npos);
  CHECK(text.find("port='1234'") != text.npos);
  CHECK(text.find("user='u'") != text.npos);
  CHECK(text.find(R"(password='p\'w\\')") != text.npos);
  CHECK(text.find("dbname='d b'") != text.npos);
  CHECK(text.find("connect_timeout='9'") != text.npos);
  CHECK(text.find("lock_timeout=1000") != text.npos);
  CHECK(text.find("-c x=1'") != text.npos);
  CHECK(text.find("tcp_user_timeout='1000'") != text.npos);
}
