// SPDX-License-Identifier: GPL-3.0-or-later
// The accounts over a store: each call is a chain of jobs, hashing on a pool of its own, the
// store's calls on the store's. Refused when either pool is full. Thread: any; ending it waits for
// the jobs under way.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/account/access_token.hpp"
#include "actors/account/ended_log_ins.hpp"
#include "actors/account/fair_pool.hpp"
#include "actors/account/guess_limits.hpp"
#include "actors/account/keys.hpp"
#include "actors/account/make_accounts.hpp"
#include "actors/account/refresh_token.hpp"

namespace troupe::account {

class service final : public administered_accounts {
 public:
  service(settings s, dependencies d, keys k);
  ~service() override;
  /// Blocks: what older programs left undone, then look_after().
  [[nodiscard]] result<void> start();

  void register_user(new_user wanted, callback<user> done) override;
  void log_in(std::string username, proof shown, callback<token_pair> done) override;
  void refresh(std::string refresh_token, callback<token_pair> done) override;
  void log_out(std::string refresh_token, callback<void> done) override;
  void identify(std::string refresh_token, callback<identity> done) override;
  result<identity> verify(std::string_view access_token) const override;
  bool has_ended(const identity& who) const override;
  void find(user_id id, callback<user> done) override;
  void stream_key(user_id owner, callback<std::string> done) override;
  void rotate_stream_key(user_id owner, callback<std::string> done) override;
  void owner_of_key(std::string stream_key, callback<user> done) override;

  void change_password(user_id who, std::string wanted, proof shown,
                       callback<token_pair> done) override;
  void change_email(user_id who, std::string wanted, proof shown, callback<user> done) override;
  void log_out_everywhere(user_id who, callback<void> done) override;
  void second_factor(user_id who, callback<second_factor_state> done) override;
  void begin_second_factor(user_id who, proof shown, callback<enrolment> done) override;
  void confirm_second_factor(user_id who, std::string otp, client from,
                             callback<confirmed_factor> done) override;
  void replace_recovery_codes(user_id who, proof shown,
                              callback<std::vector<std::string>> done) override;
  void end_second_factor(user_id who, proof shown, callback<void> done) override;
  void remove_second_factor(user_id who, callback<void> done) override;
  void rotate_token_key(bool ends_older, callback<rotated_key> done) override;

  result<user> create_administrator(new_user wanted) override;
  void set_password(std::string username, std::string password, callback<void> done) override;
  result<bool> has_administrator() override;
  result<void> look_after() override;

 private:
  /// Who waits for an answer; travels with the jobs, and with whoever refuses one.
  template <class T>
  using waiter = std::shared_ptr<callback<T>>;

  /// One attempt to show who somebody is. With a login it is a log-in, else a change by the user.
  struct trial {
    std::string login;
    user_id who = 0;
    proof shown;
    storage::user_record found{};  // id 0: nobody
    bool is_known_network = false;
    guess_limits::ticket ticket{};
    callback<storage::user_record> done;
  };

  using shared_trial = std::shared_ptr<trial>;

  template <class T>
  waiter<T> wait_for(callback<T> done);
  template <class T, class Job>
  void run_on_store(const waiter<T>& done, Job job);
  template <class T, class Job>
  void run_hashing(const fair_pool::share& whose, const waiter<T>& done, Job job);
  template <class T>
  void ask_store(callback<T> done, std::move_only_function<result<T>()> question);
  /// What is asked once the proof holds, on a store's thread.
  template <class T>
  void ask_with_proof(user_id who, proof shown, callback<T> done,
                      std::move_only_function<result<T>(const storage::user_record&)> question);

  /// Calls back, on a store's thread when it holds: password and second factor.
  void prove(trial t);
  void look_up(const shared_trial& t);
  void compare(const shared_trial& t);
  void ask_second_factor(const shared_trial& t);
  result<void> check_second_factor(const trial& t);
  result<bool> is_right_code(const trial& t, const storage::second_factor_record& r);
  static error refusal(const trial& t, const char* reason, const char* message);

  result<user> store_user(const new_user& wanted, std::string hash, bool is_administrator);
  result<void> replace_password(const std::string& username, std::string_view hash);
  result<token_pair> change_hash(storage::user_record u, const std::string& hash, client from);
  result<token_pair> first_tokens(const storage::user_record& u, client from);
  result<token_pair> next_tokens(std::string_view text);
  result<identity> owner_of_refresh_token(std::string_view text);
  token_pair tokens_for(const storage::user_record& u, const account::refresh_token& next) const;
  void renew_hash(const storage::user_record& u, const std::string& password, client from);
  std::int64_t network_digest(user_id who, client from) const;
  void note_end(user_id who, std::int64_t generation);
  result<void> end_log_ins(user_id who);
  result<enrolment> make_enrolment(const storage::user_record& u);
  result<confirmed_factor> confirm(user_id who, const std::string& otp, client from);
  result<std::vector<std::string>> new_recovery_codes(const storage::user_record& u);
  result<rotated_key> add_key(bool ends_older);
  result<void> read_keys();
  result<void> fill_in_skeletons();

  const settings settings_;
  storage::database& store_;
  worker_pool& store_pool_;
  const clock& time_;
  id_generator& ids_;
  metrics::counter& registered_;
  metrics::counter& logged_in_;
  metrics::counter& wrong_password_;
  metrics::counter& wrong_code_;
  metrics::counter& refreshed_;
  metrics::counter& wrong_refresh_;
  metrics::counter& wrong_key_;
  metrics::counter& refused_;
  metrics::counter& keys_rotated_;
  const sealer sealer_;
  access_tokens access_tokens_;
  ended_log_ins ended_;
  guess_limits limits_;
  const std::string nobodys_hash_;
  std::mutex keys_mutex_;  // one at a time reads or rotates keys
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t waiting_ = 0;  // answers not yet given
  fair_pool password_pool_;  // last: ends first, while all of the above is there
};

template <class T>
service::waiter<T> service::wait_for(callback<T> done) {
  {
    const std::lock_guard lock(mutex_);
    ++waiting_;
  }
  return std::make_shared<callback<T>>([this, done = std::move(done)](result<T> answer) mutable {
    std::exchange(done, nullptr)(std::move(answer));
    const std::lock_guard lock(mutex_);
    --waiting_;
    idle_.notify_all();  // under the lock: the destructor may free the condition right after
  });
}

[[nodiscard]] error overloaded();

template <class T, class Job>
void service::run_on_store(const waiter<T>& done, Job job) {
  store_pool_.submit([done, job = std::move(job)]() mutable { job(done); },
                     [this, done] {
                       refused_.add();
                       (*done)(fail(overloaded()));
                     });
}

template <class T, class Job>
void service::run_hashing(const fair_pool::share& whose, const waiter<T>& done, Job job) {
  password_pool_.submit(whose, {.run = [done, job = std::move(job)]() mutable { job(done); },
                                .dropped =
                                    [this, done] {
                                      refused_.add();
                                      (*done)(fail(overloaded()));
                                    }});
}

template <class T>
void service::ask_store(callback<T> done, std::move_only_function<result<T>()> question) {
  run_on_store<T>(
      wait_for<T>(std::move(done)),
      [question = std::move(question)](const waiter<T>& w) mutable { (*w)(question()); });
}

template <class T>
void service::ask_with_proof(
    user_id who, proof shown, callback<T> done,
    std::move_only_function<result<T>(const storage::user_record&)> question) {
  trial t;
  t.who = who;
  t.shown = std::move(shown);
  t.done = [w = wait_for<T>(std::move(done)),
            question = std::move(question)](const result<storage::user_record>& u) mutable {
    (*w)(u ? question(*u) : fail(u.error()));
  };
  prove(std::move(t));
}

}  // namespace troupe::account
