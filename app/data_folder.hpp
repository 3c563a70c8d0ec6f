// SPDX-License-Identifier: GPL-3.0-or-later
// The node's data folder, held by one process at a time.
// Thread: blocks; at start and stop only.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace troupe::app {

/// Holds an advisory lock (flock) on DATA/NAME.lock as long as it lives; the kernel lets go of it
/// however the process ends.
class data_folder {
 public:
  /// Makes the folder (mode 0700) where it is missing. Errors: unavailable (cannot be made or
  /// written, disk full), conflict (another process runs this node on this folder).
  static result<data_folder> open(const std::filesystem::path& folder, const std::string& node);
  ~data_folder();
  data_folder(data_folder&& other) noexcept;
  data_folder& operator=(data_folder&&) = delete;

 private:
  explicit data_folder(int lock) : lock_(lock) {}

  int lock_;
};

}  // namespace troupe::app
