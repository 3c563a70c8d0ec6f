// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/data_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::app {
namespace {

std::string reason(int number) {
  return std::error_code(number, std::generic_category()).message();
}

}  // namespace

result<data_folder> data_folder::open(const std::filesystem::path& folder,
                                      const std::string& node) {
  const bool existed = std::filesystem::exists(folder);
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) {
    return fail(errc::unavailable, fmt::format("the data folder {} cannot be made: {}",
                                               folder.string(), problem.message()));
  }
  if (!existed) {
    ::chmod(folder.c_str(), S_IRWXU);  // keys and sockets lie in it
  }
  const auto file = folder / (node + ".lock");
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock < 0) {
    return fail(errc::unavailable, fmt::format("the data folder {} cannot be written: {}",
                                               folder.string(), reason(errno)));
  }
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(lock);
    if (why == EWOULDBLOCK) {
      return fail(errc::conflict,
                  fmt::format("node {} already runs on the data folder {}", node, folder.string()));
    }
    return fail(errc::unavailable,
                fmt::format("{} cannot be locked: {}", file.string(), reason(why)));
  }
  return data_folder(lock);
}

data_folder::~data_folder() {
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

data_folder::data_folder(data_folder&& other) noexcept : lock_(std::exchange(other.lock_, -1)) {}

}  // namespace troupe::app
