// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/master_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <spdlog/fmt/fmt.h>

namespace troupe::account {

namespace {

constexpr std::size_t master_size = 32;
constexpr std::size_t nonce_size = 12;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}

  ~descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  int number() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<error> system_failure(const std::filesystem::path& path, int number) {
  return fail(number == ENOENT ? errc::not_found : errc::unavailable, "master_key_unavailable",
              path.string() + ": " + std::error_code(number, std::generic_category()).message());
}

int digit_of(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto place = digits.find(c);
  return place == digits.npos ? -1 : static_cast<int>(place);
}

std::optional<bytes> parse(std::string_view text) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  if (text.size() != master_size * 2) {
    return std::nullopt;
  }
  bytes key;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    key.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return key;
}

/// Writes text to a new file, to the disk.
result<void> write_new(const std::filesystem::path& file, std::string_view text) {
  const descriptor out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (out.number() < 0) {
    return system_failure(file, errno);
  }
  if (::write(out.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(out.number()) != 0) {
    return system_failure(file, errno == 0 ? ENOSPC : errno);
  }
  return {};
}

}  // namespace

sealer::sealer(byte_view master)
    : sealing_key_(hmac_sha256(master, as_bytes("troupe sealing key 1"))),
      digest_key_(hmac_sha256(master, as_bytes("troupe digest key 1"))) {}

bytes sealer::seal(std::string_view purpose, byte_view plain) const {
  auto sealed = random_bytes(nonce_size);
  const auto text = aes_gcm_seal(sealing_key_, sealed, plain, as_bytes(purpose));
  sealed.insert(sealed.end(), text.begin(), text.end());
  return sealed;
}

result<bytes> sealer::open(std::string_view purpose, byte_view sealed) const {
  if (sealed.size() >= nonce_size) {
    auto plain = aes_gcm_open(sealing_key_, sealed.first(nonce_size), sealed.subspan(nonce_size),
                              as_bytes(purpose));
    if (plain) {
      return std::move(*plain);
    }
  }
  return fail(errc::data_corrupt, "sealed_by_other_key",
              "a stored secret does not open with this master.key");
}

digest sealer::digest_of(std::string_view purpose, byte_view text) const {
  byte_writer data;
  data.append(purpose);
  data.u8(0);
  data.append(text);
  return hmac_sha256(digest_key_, data.view());
}

result<sealer> read_master_key(const std::filesystem::path& file) {
  const descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.number() < 0) {
    return system_failure(file, errno);
  }
  struct stat about{};
  if (::fstat(in.number(), &about) != 0) {
    return system_failure(file, errno);
  }
  if ((about.st_mode & 077) != 0) {
    return fail(errc::unavailable, "master_key_exposed",
                fmt::format("{} can be read by others (mode {:o}): chmod 600 {}", file.string(),
                            about.st_mode & 0777, file.string()));
  }
  std::array<char, 2 * master_size + 2> text{};
  const auto got = ::read(in.number(), text.data(), text.size());
  if (got < 0) {
    return system_failure(file, errno);
  }
  const auto key = parse({text.data(), static_cast<std::size_t>(got)});
  if (!key) {
    return fail(errc::data_corrupt, "master_key_damaged",
                file.string() + " is not 64 hex digits: put the saved one back");
  }
  return sealer(*key);
}

result<sealer> make_master_key(const std::filesystem::path& file) {
  const auto folder = file.parent_path();
  if (std::error_code problem; !std::filesystem::exists(folder, problem)) {
    std::filesystem::create_directories(folder, problem);
    if (problem) {
      return system_failure(folder, problem.value());
    }
    ::chmod(folder.c_str(), S_IRWXU);
  }
  // Under a name of its own first, so that nobody ever sees half a key; link() does not replace.
  const auto draft = folder / (".master.key." + random_base62(8));
  std::string text;
  for (const auto byte : random_bytes(master_size)) {
    text += fmt::format("{:02x}", byte);
  }
  const auto written = write_new(draft, text + "\n");
  const int linked = written && ::link(draft.c_str(), file.c_str()) != 0 ? errno : 0;
  ::unlink(draft.c_str());
  if (!written) {
    return fail(written.error());
  }
  if (linked != 0 && linked != EEXIST) {
    return system_failure(file, linked);
  }
  const descriptor entry(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entry.number() < 0 || ::fsync(entry.number()) != 0) {
    return system_failure(folder, errno);
  }
  return read_master_key(file);
}

}  // namespace troupe::account
