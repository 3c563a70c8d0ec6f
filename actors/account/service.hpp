// SPDX-License-Identifier: GPL-3.0-or-later
// The accounts over a store: each call is a chain of jobs, hashing on a pool of its own, the
// store's calls on the store's. Refused when either pool is full. Thread: any; ending it waits for
// the jobs under way.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "actors/account/access_token.hpp"
#include "actors/account/keys.hpp"
#include "actors/account/make_accounts.hpp"
#include "actors/account/refresh_token.hpp"

namespace troupe::account {

class service final : public administered_accounts {
 public:
  service(settings s, dependencies d, keys k);
  ~service() override;

  void register_user(new_user wanted, callback<user> done) override;
  void log_in(std::string username, std::string password, callback<token_pair> done) override;
  void refresh(std::string refresh_token, callback<token_pair> done) override;
  void log_out(std::string refresh_token, callback<void> done) override;
  void identify(std::string refresh_token, callback<identity> done) override;
  result<identity> verify(std::string_view access_token) const override;
  void find(user_id id, callback<user> done) override;
  void stream_key(user_id owner, callback<std::string> done) override;
  void rotate_stream_key(user_id owner, callback<std::string> done) override;
  void owner_of_key(std::string stream_key, callback<user> done) override;

  result<user> create_administrator(new_user wanted) override;
  void set_password(std::string username, std::string password, callback<void> done) override;
  result<bool> has_administrator() override;

 private:
  /// Who waits for an answer; travels with the jobs, and with whoever refuses one.
  template <class T>
  using waiter = std::shared_ptr<callback<T>>;

  template <class T>
  waiter<T> wait_for(callback<T> done);
  template <class T, class Job>
  void run_on(worker_pool& pool, const waiter<T>& done, Job job);
  template <class T>
  void ask_store(callback<T> done, std::move_only_function<result<T>()> question);

  result<user> store_user(const new_user& wanted, std::string hash, bool is_administrator);
  result<void> replace_password(const std::string& username, std::string_view hash);
  result<token_pair> first_tokens(const storage::user_record& u);
  result<token_pair> next_tokens(std::string_view text);
  result<identity> owner_of_refresh_token(std::string_view text);
  token_pair tokens_for(const storage::user_record& u, const account::refresh_token& next) const;

  const settings settings_;
  storage::database& store_;
  worker_pool& store_pool_;
  const clock& time_;
  id_generator& ids_;
  metrics::counter& registered_;
  metrics::counter& logged_in_;
  metrics::counter& wrong_password_;
  metrics::counter& refreshed_;
  metrics::counter& wrong_refresh_;
  metrics::counter& wrong_key_;
  metrics::counter& refused_;
  const sealer sealer_;
  const access_tokens access_tokens_;
  const std::string nobodys_hash_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t waiting_ = 0;    // answers not yet given
  worker_pool password_pool_;  // last: ends first, while all of the above is there
};

}  // namespace troupe::account
