// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/sqlite_engine.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <soci/sqlite3/soci-sqlite3.h>

#include "storage/sql/soci_connection.hpp"

namespace troupe::storage::sql {

namespace {

/// How long a statement waits for another process's lock (a backup, a person with sqlite3).
constexpr std::chrono::milliseconds lock_patience{2000};

// SQLITE_TRANSIENT, whose macro is a C cast: SQLite copies what it is given.
const auto sqlite_copies = std::bit_cast<sqlite_api::sqlite3_destructor_type>(std::intptr_t{-1});

void answer_text(sqlite_api::sqlite3_context* context, const std::string& text) {
  sqlite_api::sqlite3_result_text(context, text.data(), static_cast<int>(text.size()),
                                  sqlite_copies);
}

byte_view bytes_of(sqlite_api::sqlite3_value* value) {
  const auto* data = static_cast<const std::uint8_t*>(sqlite_api::sqlite3_value_blob(value));
  return {data, static_cast<std::size_t>(sqlite_api::sqlite3_value_bytes(value))};
}

bool is_null(sqlite_api::sqlite3_value* value) {
  return sqlite_api::sqlite3_value_type(value) == SQLITE_NULL;
}

/// encode(blob, 'hex'), as PostgreSQL's. The second argument is always 'hex' in our statements.
extern "C" void troupe_sqlite_encode(sqlite_api::sqlite3_context* context, int,
                                     sqlite_api::sqlite3_value** arguments) {
  if (is_null(arguments[0])) {
    sqlite_api::sqlite3_result_null(context);
    return;
  }
  answer_text(context, to_hex(bytes_of(arguments[0])));
}

/// decode(text, 'hex'), as PostgreSQL's.
extern "C" void troupe_sqlite_decode(sqlite_api::sqlite3_context* context, int,
                                     sqlite_api::sqlite3_value** arguments) {
  if (is_null(arguments[0])) {
    sqlite_api::sqlite3_result_null(context);
    return;
  }
  const auto data = from_hex(as_text(bytes_of(arguments[0])));
  if (!data) {
    sqlite_api::sqlite3_result_error(context, "decode: not hex", -1);
    return;
  }
  // A null pointer would make it NULL instead of an empty blob.
  const void* start = data->empty() ? static_cast<const void*>("") : data->data();
  sqlite_api::sqlite3_result_blob(context, start, static_cast<int>(data->size()), sqlite_copies);
}

error describe(int extended_code, const std::string& message) {
  const int code = extended_code & 0xFF;
  switch (code) {
    case SQLITE_CONSTRAINT:
      return make_error(errc::conflict, "constraint_violation", message);
    case SQLITE_FULL:
      return make_error(errc::unavailable, "disk_full", "the disk of the database is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make_error(errc::unavailable, "store_busy",
                        "another process holds the database's lock");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return make_error(errc::unavailable, "store_not_writable",
                        "the database cannot be opened for writing: " + message);
    case SQLITE_IOERR:
      return make_error(errc::unavailable, "disk_error",
                        "reading or writing the database failed: " + message);
    case SQLITE_CORRUPT:
      return make_error(errc::data_corrupt, "store_corrupt", "the database is damaged: " + message);
    case SQLITE_NOTADB:
      return make_error(errc::data_corrupt, "not_a_database", "the file is not an SQLite database");
    default:
      return make_error(errc::internal, "store: " + message);
  }
}

class sqlite_connection final : public soci_connection {
 public:
  using soci_connection::soci_connection;

  result<void> open(const std::filesystem::path& file, sqlite_role role) {
    try {
      // SOCI takes double quotes around values, without an escape: prepare_sqlite_file() refuses
      // paths that hold one.
      session().open(soci::sqlite3, "dbname=\"" + file.string() + "\"");
    } catch (const soci::soci_error& thrown) {
      return fail(errc::unavailable, "store_not_writable", thrown.get_error_message());
    }
    teach();
    sqlite_api::sqlite3_busy_timeout(handle(), static_cast<int>(lock_patience.count()));
    sqlite_api::sqlite3_extended_result_codes(handle(), 1);
    // FULL: with a write-ahead log, NORMAL would lose commits at a power cut.
    for (const char* pragma :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON",
          "PRAGMA journal_size_limit = 16777216", "PRAGMA temp_store = MEMORY"}) {
      if (auto done = run(pragma); !done) {
        return done;
      }
    }
    return role == sqlite_role::reader ? run("PRAGMA query_only = ON") : result<void>();
  }

  engine kind() const override { return engine::sqlite; }

  bool is_broken() const override { return broken_; }

  void set_patience(std::chrono::milliseconds patience) override {
    sqlite_api::sqlite3_busy_timeout(handle(), static_cast<int>(patience.count()));
  }

 private:
  sqlite_api::sqlite3* handle() {
    return static_cast<soci::sqlite3_session_backend*>(session().get_backend())->conn_;
  }

  void teach() {
    constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;
    sqlite_api::sqlite3_create_function(handle(), "encode", 2, flags, nullptr, troupe_sqlite_encode,
                                        nullptr, nullptr);
    sqlite_api::sqlite3_create_function(handle(), "decode", 2, flags, nullptr, troupe_sqlite_decode,
                                        nullptr, nullptr);
  }

  error translate(const soci::soci_error& thrown) override {
    int code = sqlite_api::sqlite3_extended_errcode(handle());
    if (const auto* ours = dynamic_cast<const soci::sqlite3_soci_error*>(&thrown);
        ours != nullptr && (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)) {
      code = ours->result();
    }
    // After an I/O error the page cache is not to be trusted.
    broken_ = broken_ || (code & 0xFF) == SQLITE_IOERR;
    return describe(code, thrown.get_error_message());
  }

  bool broken_ = false;
};

error cannot_write(const std::filesystem::path& path, int number) {
  return make_error(errc::unavailable, number == ENOSPC ? "disk_full" : "store_not_writable",
                    "cannot write " + path.string() + ": " +
                        std::error_code(number, std::generic_category()).message());
}

}  // namespace

result<void> prepare_sqlite_file(const std::filesystem::path& file) {
  if (file.empty() || file.string().find('"') != std::string::npos) {
    return fail(errc::invalid_argument,
                "sqlite: wants a path without quotes, as in sqlite:var/x.db");
  }
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (std::error_code problem; !std::filesystem::exists(folder, problem)) {
    std::filesystem::create_directories(folder, problem);
    if (problem) {
      return fail(cannot_write(folder, problem.value()));
    }
    ::chmod(folder.c_str(), S_IRWXU);
  }
  // The write-ahead log needs to be made beside the file.
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fail(cannot_write(folder, errno));
  }
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (made < 0) {
    return fail(cannot_write(file, errno));
  }
  ::close(made);
  return {};
}

result<std::unique_ptr<connection>> connect_sqlite(const std::filesystem::path& file,
                                                   sqlite_role role,
                                                   std::function<void(std::string_view)> observe) {
  auto made = std::make_unique<sqlite_connection>(std::move(observe));
  if (auto opened = made->open(file, role); !opened) {
    return fail(opened.error().with("opening " + file.string()));
  }
  return made;
}

}  // namespace troupe::storage::sql
