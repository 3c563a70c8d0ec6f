// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "actors/account/master_key.hpp"
#include "actors/account/stream_key.hpp"
#include "tests/unit/actors/account/account_fixture.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::test;

namespace {

void write(const std::filesystem::path& file, const std::string& text, mode_t mode) {
  std::ofstream(file) << text;
  REQUIRE(::chmod(file.c_str(), mode) == 0);
}

const std::string some_key(64, '7');

}  // namespace

TEST_CASE("master_key: is made once, for its owner alone", "[account]") {
  const temporary_folder folder;
  const auto file = folder.path / "new" / "data" / "master.key";
  CHECK(error_of(read_master_key(file)).code == errc::not_found);
  const auto made = make_master_key(file).value();
  struct stat about{};
  REQUIRE(::stat(file.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777) == 0600);
  CHECK(about.st_size == 65);
  const auto sealed = made.seal("p", as_bytes("secret"));
  CHECK(read_master_key(file).value().open("p", sealed).value() ==
        bytes({'s', 'e', 'c', 'r', 'e', 't'}));
  CHECK(make_master_key(file).value().open("p", sealed));
  CHECK(std::distance(std::filesystem::directory_iterator(file.parent_path()), {}) == 1);
}

TEST_CASE("master_key: of many that start together all use the same", "[account]") {
  const temporary_folder folder;
  const auto file = folder.path / "master.key";
  std::vector<bytes> sealed(8);
  {
    std::vector<std::jthread> threads;
    threads.reserve(sealed.size());
    for (auto& s : sealed) {
      threads.emplace_back([&] {
        const auto key = make_master_key(file);
        s = key ? key->seal("p", as_bytes("x")) : bytes();
      });
    }
  }
  const auto key = read_master_key(file).value();
  for (const auto& s : sealed) {
    CHECK(key.open("p", s));
  }
}

TEST_CASE("master_key: says what is wrong with the file", "[account]") {
  const temporary_folder folder;
  const auto file = folder.path / "master.key";
  write(file, some_key, 0644);
  const auto exposed = error_of(read_master_key(file));
  CHECK(exposed.reason == "master_key_exposed");
  CHECK(exposed.message.find("chmod 600") != std::string::npos);
  for (const auto& text : {std::string(), some_key.substr(1), some_key + "77", some_key + "\n\n",
                           std::string(64, 'g'), std::string(64, 'A')}) {
    write(file, text, 0600);
    CHECK(error_of(read_master_key(file)).code == errc::data_corrupt);
  }
  write(file, some_key, 0600);
  CHECK(read_master_key(file));
  write(file, some_key + "\n", 0400);
  CHECK(read_master_key(file));
}

TEST_CASE("sealer: opens only what it sealed, whole and for the same purpose", "[account]") {
  const sealer ours(bytes(32, 1));
  const sealer theirs(bytes(32, 2));
  const auto sealed = ours.seal("purpose", as_bytes("secret"));
  CHECK(ours.open("purpose", sealed));
  CHECK(ours.seal("purpose", as_bytes("secret")) != sealed);
  CHECK(error_of(ours.open("other", sealed)).code == errc::data_corrupt);
  CHECK_FALSE(theirs.open("purpose", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto damaged = sealed;
    damaged[i] ^= 1;
    CHECK_FALSE(ours.open("purpose", damaged));
    CHECK_FALSE(ours.open("purpose", byte_view(sealed).first(i)));
  }
  CHECK(ours.open("p", ours.seal("p", {})).value().empty());
  CHECK(ours.digest_of("a", as_bytes("x")) != ours.digest_of("b", as_bytes("x")));
  CHECK(ours.digest_of("a", as_bytes("x")) != theirs.digest_of("a", as_bytes("x")));
}

TEST_CASE("stream_key: one user's does not open for another", "[account]") {
  const sealer s(bytes(32, 1));
  const auto key = make_stream_key();
  CHECK(is_stream_key_form(key));
  CHECK(key != make_stream_key());
  CHECK(open_stream_key(s, 7, seal_stream_key(s, 7, key)).value() == key);
  CHECK_FALSE(open_stream_key(s, 8, seal_stream_key(s, 7, key)));
  CHECK_FALSE(is_stream_key_form("dead_" + key.substr(5)));
  CHECK_FALSE(is_stream_key_form("live_" + std::string(32, '/')));
}

TEST_CASE("accounts: a start with the wrong or without the master key says so", "[account]") {
  fixture f;
  const auto ann = f.register_user("ann").value();
  const auto key = f.stream_key(ann.id).value();
  f.service.reset();
  const auto file = f.folder.path / "data" / "master.key";
  const auto saved = f.folder.path / "saved.key";
  std::filesystem::rename(file, saved);
  const auto missing = error_of(f.make());
  CHECK(missing.reason == "master_key_missing");
  CHECK_FALSE(std::filesystem::exists(file));
  write(file, some_key, 0600);
  CHECK(error_of(f.make()).reason == "sealed_by_other_key");
  std::filesystem::rename(saved, file);
  f.restart();
  CHECK(f.stream_key(ann.id).value() == key);
}
