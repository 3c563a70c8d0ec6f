// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/keys.hpp"

#include "base/log.hpp"

namespace troupe::account {

namespace {

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
  const auto stored = secrets.list("access_token_key/");
  if (!stored) {
    return fail(stored.error().with("reading the token signing keys"));
  }
  auto master = load_master(master_file, !stored->empty());
  if (!master) {
    return fail(master.error());
  }
  auto token_keys = load_token_keys(secrets, *master, now);
  if (!token_keys) {
    return fail(token_keys.error().with("with " + master_file.string()));
  }
  return keys{*master, std::move(*token_keys)};
}

}  // namespace troupe::account
