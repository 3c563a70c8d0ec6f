// SPDX-License-Identifier: GPL-3.0-or-later
// The web page, read into memory at the start: what a browser asks for beside the API and the
// streams. Compressed variants lie beside the files (x.js.br, x.js.gz).
// Thread: const after load(); answer() from any thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

struct static_limits {
  std::size_t files = 2'000;
  std::size_t bytes = 64 * 1024 * 1024;
};

class static_files {
 public:
  /// No page: every navigation is told that none is built.
  static_files() = default;

  /// A folder without index.html gives the empty page of the default constructor. Links to
  /// elsewhere are left out. Blocks on the disk. Errors: too_large, unavailable (a file cannot be
  /// read).
  static result<static_files> load(const std::filesystem::path& folder, static_limits limits = {});

  /// GET and HEAD. What is no file is index.html for a browser's navigation (the page has routes of
  /// its own), except below /api, /live and /assets, and 404 for everything else.
  response answer(const request& r) const;

  std::size_t file_count() const { return files_.size(); }

 private:
  struct variant {
    shared_bytes content;  ///< empty: there is none
    std::string etag;
  };

  struct file {
    std::string content_type;
    bool is_immutable = false;
    variant plain;
    variant gzip;
    variant brotli;
  };

  const file* find(const request& r) const;
  static response make_response(const file& f, const request& r);

  std::map<std::string, file, std::less<>> files_;  // by path: "/index.html"
};

}  // namespace troupe::http
