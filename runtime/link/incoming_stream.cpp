// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/incoming_stream.hpp"

#include <utility>

#include "base/sanitizer.hpp"
#include "runtime/link/grpc_buffer.hpp"

namespace troupe::runtime::detail {

incoming_stream::incoming_stream(link_context& context, incoming_owner& owner,
                                 grpc::GenericCallbackServerContext& call)
    : context_(context),
      owner_(owner),
      token_(std::make_unique<live_count::token>(context.accepting)),
      call_(&call) {}

void incoming_stream::start() {
  self_ = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    patience_.set(context_.accepting, context_.options.connect_deadline, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->cut();
      }
    });
  }
  sanitizer::released(&read_);  // gRPC orders the reactions of a call
  StartRead(&read_);
}

void incoming_stream::cut() {
  const std::lock_guard lock(mutex_);
  if (call_ != nullptr) {
    call_->TryCancel();
  }
}

bool incoming_stream::greet(const link_hello& hello) {
  std::shared_ptr<const grpc::AuthContext> shown;
  {
    const std::lock_guard lock(mutex_);
    patience_.cancel();
    shown = call_->auth_context();
  }
  hello_ = hello;
  const auto verdict = owner_.admit(shared_from_this(), hello, *shown);
  if (!verdict.ok()) {
    end(verdict);
    return false;
  }
  is_admitted_ = true;
  link_frame answer;
  answer.hello = link_hello{context_.options.node, hello.stream};
  written_ = to_buffer(std::move(answer));
  {
    const std::lock_guard lock(mutex_);
    is_writing_ = true;
  }
  sanitizer::released(&written_);
  StartWrite(&written_);
  return true;
}

void incoming_stream::OnReadDone(bool ok) {
  sanitizer::acquired(&read_);
  if (!ok) {
    end(grpc::Status::CANCELLED);
    return;
  }
  auto frame = from_buffer(read_);
  read_.Clear();
  if (!frame || (!is_admitted_ && !frame->hello)) {
    owner_.garbled(*this, frame ? make_error(errc::data_corrupt, "no greeting") : frame.error());
    end({grpc::INVALID_ARGUMENT, "not understood"});
    return;
  }
  if (!is_admitted_ && !greet(*frame->hello)) {
    return;
  }
  if (!frame->envelopes.empty()) {
    owner_.hand_on(*this, std::move(frame->envelopes));
  }
  sanitizer::released(&read_);
  StartRead(&read_);
}

void incoming_stream::OnWriteDone(bool /*ok*/) {
  sanitizer::acquired(&written_);
  std::unique_lock lock(mutex_);
  is_writing_ = false;
  if (const auto ending = std::move(ending_)) {
    lock.unlock();
    Finish(*ending);
  }
}

// By the reading side, once, with no read outstanding.
void incoming_stream::end(grpc::Status why) {
  sanitizer::released(&hello_);
  std::unique_lock lock(mutex_);
  patience_.cancel();
  if (is_writing_) {
    ending_ = std::make_unique<grpc::Status>(std::move(why));
    return;
  }
  lock.unlock();
  Finish(std::move(why));
}

void incoming_stream::OnDone() {
  sanitizer::acquired(&hello_);
  const auto token = std::move(token_);  // goes last
  const auto self = std::move(self_);
  {
    const std::lock_guard lock(mutex_);
    call_ = nullptr;
  }
  owner_.left(*this);
}

}  // namespace troupe::runtime::detail
