// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/later.hpp"

namespace troupe::runtime::detail {

void later_state::set(erased_answer answer) {
  if (set_) {
    return;
  }
  set_ = true;
  if (then_) {
    std::exchange(then_, nullptr)(std::move(answer));
  } else {
    answer_ = std::move(answer);
  }
}

void later_state::on_ready(ready then) {
  if (answer_) {
    auto answer = std::move(*answer_);
    answer_.reset();
    then(std::move(answer));
  } else {
    then_ = std::move(then);
  }
}

}  // namespace troupe::runtime::detail
