// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the engines, the pools and the tables together.
#include <filesystem>

#include "storage/database.hpp"
#include "storage/sql/access.hpp"
#include "storage/sql/answer_table.hpp"
#include "storage/sql/audience_table.hpp"
#include "storage/sql/chat_table.hpp"
#include "storage/sql/cluster_table.hpp"
#include "storage/sql/entity_table.hpp"
#include "storage/sql/explain.hpp"
#include "storage/sql/follow_table.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/pool.hpp"
#include "storage/sql/postgresql_engine.hpp"
#include "storage/sql/second_factor_table.hpp"
#include "storage/sql/secret_table.hpp"
#include "storage/sql/sqlite_engine.hpp"
#include "storage/sql/stream_table.hpp"
#include "storage/sql/token_table.hpp"
#include "storage/sql/user_table.hpp"

namespace troupe::storage {

namespace sql {

namespace {

class tables : public database {
 public:
  tables(engine kind, access a)
      : access_(a),
        kind_(kind),
        users_(a),
        tokens_(a),
        streams_(a),
        entities_(a, kind),
        follows_(a),
        audience_(a, kind),
        second_factors_(a),
        secrets_(a),
        chat_(a, kind),
        cluster_(a, kind),
        answers_(a) {}

  engine kind() const override { return kind_; }

  user_store& users() override { return users_; }

  token_store& tokens() override { return tokens_; }

  stream_store& streams() override { return streams_; }

  entity_store& entities() override { return entities_; }

  audience_store& audience() override { return audience_; }

  follow_store& follows() override { return follows_; }

  second_factor_store& second_factors() override { return second_factors_; }

  secret_store& secrets() override { return secrets_; }

  chat_store& chat() override { return chat_; }

  cluster_store& cluster() override { return cluster_; }

  answer_store& answers() override { return answers_; }

  result<void> ping() override { return without_rows(access_.read("SELECT 1", {}, 1)); }

 private:
  access access_;
  engine kind_;
  user_table users_;
  token_table tokens_;
  stream_table streams_;
  entity_table entities_;
  follow_table follows_;
  audience_table audience_;
  second_factor_table second_factors_;
  secret_table secrets_;
  chat_table chat_;
  cluster_table cluster_;
  answer_table answers_;
};

/// The pools must be there before the tables that use them: hence a base.
struct sqlite_pools {
  sqlite_pools(const std::filesystem::path& file, const database_options& options, metrics& m)
      : readers(
            options.connections,
            [file, observe = options.observe] {
              return connect_sqlite(file, sqlite_role::reader, observe);
            },
            m),
        writer(
            1,
            [file, observe = options.observe] {
              return connect_sqlite(file, sqlite_role::writer, observe);
            },
            m) {}

  pool readers;
  pool writer;
};

class sqlite_database final : private sqlite_pools, public tables {
 public:
  sqlite_database(const std::filesystem::path& file, const database_options& options, metrics& m)
      : sqlite_pools(file, options, m),
        tables(engine::sqlite, access(sqlite_pools::readers, sqlite_pools::writer)) {}

  result<std::vector<std::string>> explain(std::string_view statement) override {
    auto held = sqlite_pools::writer.take();
    if (!held) {
      return fail(held.error());
    }
    return explain_sqlite(**held, statement);
  }
};

struct postgresql_pool {
  postgresql_pool(const std::string& keywords, const database_options& options, metrics& m)
      : all(
            options.connections,
            [this, keywords, observe = options.observe] {
              return connect_postgresql(keywords, watch, observe);
            },
            m) {}

  call_watch watch;
  pool all;
};

class postgresql_database final : private postgresql_pool, public tables {
 public:
  postgresql_database(const std::string& keywords, const database_options& options, metrics& m)
      : postgresql_pool(keywords, options, m),
        tables(engine::postgresql, access(postgresql_pool::all, postgresql_pool::all)) {}

  result<std::vector<std::string>> explain(std::string_view statement) override {
    auto held = postgresql_pool::all.take();
    if (!held) {
      return fail(held.error());
    }
    return explain_postgresql(**held, statement);
  }
};

result<std::unique_ptr<database>> open_sqlite(const std::filesystem::path& file, const clock& clock,
                                              metrics& m, const database_options& options) {
  if (auto ready = prepare_sqlite_file(file); !ready) {
    return fail(ready.error().with("opening the database " + file.string()));
  }
  auto first = connect_sqlite(file, sqlite_role::writer, {});
  if (!first) {
    return fail(first.error());
  }
  if (auto done = migrate(**first, embedded_migrations(), clock.wall()); !done) {
    return fail(done.error().with("opening the database " + file.string()));
  }
  return std::make_unique<sqlite_database>(file, options, m);
}

result<std::unique_ptr<database>> open_postgresql(std::string_view url, const clock& clock,
                                                  metrics& m, const database_options& options) {
  auto keywords = keyword_form(url);
  if (!keywords) {
    return fail(keywords.error());
  }
  call_watch watch;
  {
    auto first = connect_postgresql(*keywords, watch, {});
    if (!first) {
      return fail(first.error());
    }
    if (auto done = migrate(**first, embedded_migrations(), clock.wall()); !done) {
      return fail(done.error().with("bringing the database up to date"));
    }
  }
  return std::make_unique<postgresql_database>(*keywords, options, m);
}

}  // namespace

}  // namespace sql

result<std::unique_ptr<database>> database::open(std::string_view url, const clock& clock,
                                                 metrics& m, const database_options& options) {
  constexpr std::string_view lite = "sqlite:";
  if (url.starts_with(lite)) {
    return sql::open_sqlite(std::string(url.substr(lite.size())), clock, m, options);
  }
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
    return sql::open_postgresql(url, clock, m, options);
  }
  return fail(errc::invalid_argument, "a store is sqlite:PATH or postgresql://USER@HOST/NAME");
}

}  // namespace troupe::storage
