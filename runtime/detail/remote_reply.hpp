// SPDX-License-Identifier: GPL-3.0-or-later
// The sender of one command that came from another node: what it calls becomes an envelope on the
// way back. Made per command, so that nothing is kept for senders that are silent. Thread: any; it
// must not be called after its router has gone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "runtime/detail/router.hpp"
#include "runtime/detail/wire.hpp"

namespace troupe::runtime::detail {

class remote_reply final : public reply_path {
 public:
  /// type: of the command; nothing when this node does not know it.
  remote_reply(router& r, std::string node, std::uint64_t incarnation, entity_name target,
               const claimed_order& order, const message_type* type)
      : router_(r),
        node_(std::move(node)),
        incarnation_(incarnation),
        target_(std::move(target)),
        order_(order),
        type_(type) {}

  session_id session() const override { return order_.from.session; }

  bool is_local() const override { return false; }

  claimed_order order_of(const command&) const override { return order_; }

  void answer(std::uint64_t number, erased_answer with) override {
    envelope e = about({}, number);
    e.kind = envelope_kind::answer;
    if (type_ != nullptr) {
      e.type = type_->name;
      e.body = wire::encode_answer(*type_, with);
    } else {
      TROUPE_CHECK(!with, "an unknown message has no answer but an error");
      e.body = wire::encode_error(with.error());
    }
    send(std::move(e));
  }

  std::vector<command_ptr> missing(std::uint64_t expected, std::uint64_t) override {
    send(about(wire::expected, expected));
    return {};
  }

  void session_lost(std::uint64_t number, const error& why) override {
    envelope e = about(wire::session_lost, number);
    e.body = wire::encode_error(why);
    send(std::move(e));
  }

  /// It was not applied here, and will not be: the entity is another node's.
  void moved(const entity_owner& to) const {
    envelope e = about(wire::owner, order_.from.number);
    e.body = encode(to);
    send(std::move(e));
  }

 private:
  envelope about(std::string_view type, std::uint64_t number) const {
    envelope e = wire::about(type, target_);
    e.session = order_.from.session;
    e.number = number;
    return e;
  }

  void send(envelope e) const { router_.reply(node_, incarnation_, std::move(e)); }

  router& router_;
  const std::string node_;
  const std::uint64_t incarnation_;
  const entity_name target_;
  const claimed_order order_;
  const message_type* type_;
};

/// A command that was bytes.
class received_command final : public command {
 public:
  received_command(const message_type& type, erased_value body)
      : command(type), body_(std::move(body)) {}

  const void* body() const override { return body_.get(); }

 private:
  const erased_value body_;
};

}  // namespace troupe::runtime::detail
