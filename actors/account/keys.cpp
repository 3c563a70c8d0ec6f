// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/keys.hpp"

#include "actors/account/crypto.hpp"
#include "base/log.hpp"

namespace troupe::account {

namespace {

constexpr std::string_view token_key_name = "access_token_key/1";
constexpr std::string_view token_key_purpose = "access token signing key";
constexpr std::size_t token_key_size = 32;  // RFC 7518, 3.2: at least the hash's size

result<sealer> load_master(const std::filesystem::path& file, bool store_holds_secrets) {
  auto found = read_master_key(file);
  if (found || found.error().code != errc::not_found) {
    return found;
  }
  if (store_holds_secrets) {
    return fail(errc::unavailable, "master_key_missing",
                file.string() +
                    " is missing, but the database holds secrets sealed with it: put "
                    "the saved one back");
  }
  auto made = make_master_key(file);
  if (made) {
    log::info("made a new master key, keep a copy of it apart from the database file={}",
              file.string());
  }
  return made;
}

}  // namespace

result<keys> load_keys(const std::filesystem::path& master_file, storage::secret_store& secrets,
                       wall_time now) {
  auto sealed = secrets.find(token_key_name);
  if (!sealed && sealed.error().code != errc::not_found) {
    return fail(sealed.error().with("reading the token signing key"));
  }
  auto master = load_master(master_file, sealed.has_value());
  if (!master) {
    return fail(master.error());
  }
  if (!sealed) {
    sealed = secrets.add(token_key_name,
                         master->seal(token_key_purpose, random_bytes(token_key_size)), now);
  }
  if (!sealed) {
    return fail(sealed.error().with("storing the token signing key"));
  }
  auto key = master->open(token_key_purpose, *sealed);
  if (!key) {
    return fail(key.error().with("opening the token signing key with " + master_file.string()));
  }
  return keys{*master, std::move(*key)};
}

}  // namespace troupe::account
