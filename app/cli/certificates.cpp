// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/certificates.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include "runtime/link/certificate_maker.hpp"

namespace troupe::cli {
namespace {

constexpr mode_t for_all = 0644;
constexpr mode_t for_owner = 0600;
// A PEM file beyond it is something else.
constexpr std::streamsize largest_file = 64 * 1024;

std::string last_error() {
  return std::generic_category().message(errno);
}

result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::is_directory(folder, failed)) {
    return {};
  }
  if (!std::filesystem::create_directories(folder, failed)) {
    return fail(errc::unavailable,
                fmt::format("{} cannot be made: {}", folder.string(), failed.message()));
  }
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  return {};
}

/// The folder is there, the files are not.
result<void> make_room(const std::filesystem::path& folder,
                       const std::vector<std::filesystem::path>& files) {
  if (auto made = make_folder(folder); !made) {
    return made;
  }
  for (const auto& file : files) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(file, ignored))) {
      return fail(errc::conflict, "file_exists",
                  fmt::format("{} exists already and is left as it is: choose another --out, or "
                              "move it away",
                              file.string()));
    }
  }
  return {};
}

result<void> write_new(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) {
    return fail(errc::unavailable,
                fmt::format("{} cannot be written: {}", file.string(), last_error()));
  }
  // The mode whatever the umask says; a few kilobytes go in one write or not at all.
  const bool written = fchmod(fd, mode) == 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(fd) == 0;
  const auto why = last_error();
  if (close(fd) != 0 || !written) {
    unlink(file.c_str());
    return fail(errc::unavailable, fmt::format("{} cannot be written: {}", file.string(), why));
  }
  return {};
}

result<std::string> read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text;
  text.resize(static_cast<std::size_t>(largest_file));
  in.read(text.data(), largest_file);
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.empty()) {
    return fail(errc::not_found, fmt::format("{} cannot be read: make the CA first, with "
                                             "troupe cert ca --out {}",
                                             file.string(), file.parent_path().string()));
  }
  return text;
}

/// The key before the certificate, so that there is no certificate without one.
result<void> write_pair(const certificate_files& files, const runtime::certificate& made) {
  if (auto key = write_new(files.key, made.key, for_owner); !key) {
    return key;
  }
  if (auto cert = write_new(files.cert, made.cert, for_all); !cert) {
    unlink(files.key.c_str());
    return cert;
  }
  return {};
}

/// As cluster.conf has it.
bool is_node_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

result<void> check_names(const std::string& node, const std::vector<std::string>& hosts) {
  if (!is_node_name(node)) {
    return fail(errc::invalid_argument,
                fmt::format("\"{}\" is no node's name: expected 1 to 32 lower case letters, digits "
                            "and '-', as in cluster.conf",
                            node));
  }
  for (const auto& host : hosts) {
    // In the certificate both are DNS names: whoever could have itself called by another node's
    // name could speak as that node.
    if (is_node_name(host) && host != node) {
      return fail(errc::invalid_argument,
                  fmt::format("--host {}: could be another node's name; expected a name with a dot "
                              "in it, or an address",
                              host));
    }
  }
  return {};
}

}  // namespace

result<certificate_files> write_ca(const std::filesystem::path& out) {
  certificate_files files{out / "ca.pem", out / "ca.pem", out / "ca.key"};
  if (auto ready = make_room(out, {files.cert, files.key}); !ready) {
    return fail(ready.error());
  }
  const auto made = runtime::make_ca("Troupe");
  if (!made) {
    return fail(made.error());
  }
  if (auto written = write_pair(files, *made); !written) {
    return fail(written.error());
  }
  return files;
}

result<certificate_files> write_node_certificate(const std::string& node,
                                                 const std::filesystem::path& ca,
                                                 const std::filesystem::path& out,
                                                 const std::vector<std::string>& hosts) {
  certificate_files files{out / "ca.pem", out / "node.pem", out / "node.key"};
  if (auto named = check_names(node, hosts); !named) {
    return fail(named.error());
  }
  const auto ca_cert = read_file(ca / "ca.pem");
  const auto ca_key = read_file(ca / "ca.key");
  if (!ca_cert || !ca_key) {
    return fail(ca_cert ? ca_key.error() : ca_cert.error());
  }
  if (auto ready = make_room(out, {files.cert, files.key}); !ready) {
    return fail(ready.error());
  }
  const auto made = runtime::make_node_certificate({*ca_cert, *ca_key}, node, hosts);
  if (!made) {
    return fail(made.error().with(fmt::format("with the CA in {}", ca.string())));
  }
  std::error_code ignored;
  const bool has_ca = std::filesystem::exists(files.ca, ignored);
  if (has_ca && read_file(files.ca) != ca_cert) {
    return fail(errc::conflict, "file_exists",
                fmt::format("{} is another CA's: choose another --out", files.ca.string()));
  }
  if (auto written = write_pair(files, *made); !written) {
    return fail(written.error());
  }
  if (!has_ca) {
    if (auto copied = write_new(files.ca, *ca_cert, for_all); !copied) {
      return fail(copied.error());
    }
  }
  return files;
}

}  // namespace troupe::cli
