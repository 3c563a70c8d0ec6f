// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/admin/client.hpp"

#include <utility>

#include <grpcpp/grpcpp.h>
#include <spdlog/fmt/fmt.h>

#include "app/admin/admin.grpc.pb.h"
#include "app/admin/rpc_errors.hpp"

namespace troupe::admin {
namespace {

template <class From>
std::vector<std::pair<std::string, std::int64_t>> counts_of(const From& from) {
  std::vector<std::pair<std::string, std::int64_t>> counts;
  for (const auto& count : from.counts()) {
    counts.emplace_back(count.name(), count.value());
  }
  return counts;
}

member_status to_member(const v1::Member& from) {
  member_status m;
  m.node = from.node();
  m.state = from.state();
  m.incarnation = from.incarnation();
  m.address = from.address();
  m.roles.assign(from.roles().begin(), from.roles().end());
  if (from.has_heard_ago_ms()) {
    m.heard_ago = std::chrono::milliseconds(from.heard_ago_ms());
  }
  m.is_suspected = from.is_suspected();
  m.answers = from.answers();
  m.version = from.version();
  m.uptime = std::chrono::seconds(from.uptime_s());
  m.http_port = static_cast<std::uint16_t>(from.http_port());
  m.rtmp_port = static_cast<std::uint16_t>(from.rtmp_port());
  m.counts = counts_of(from);
  return m;
}

class unix_client final : public client {
 public:
  unix_client(std::filesystem::path socket, std::chrono::milliseconds timeout)
      : socket_(std::move(socket)),
        timeout_(timeout),
        stub_(v1::Admin::NewStub(
            grpc::CreateChannel("unix:" + socket_.string(), grpc::InsecureChannelCredentials()))) {}

  result<node_status> status() override {
    v1::StatusReply reply;
    if (auto done = call(&v1::Admin::Stub::Status, v1::StatusRequest{}, reply); !done) {
      return fail(done.error());
    }
    node_status s;
    s.node = reply.node();
    s.state = reply.state();
    s.version = reply.version();
    s.uptime = std::chrono::seconds(reply.uptime_s());
    s.host = reply.host();
    s.http_port = static_cast<std::uint16_t>(reply.http_port());
    s.rtmp_port = static_cast<std::uint16_t>(reply.rtmp_port());
    s.counts = counts_of(reply);
    s.view = reply.view();
    s.incarnation = reply.incarnation();
    s.address = reply.address();
    s.roles.assign(reply.roles().begin(), reply.roles().end());
    s.sentence = reply.sentence();
    for (const auto& member : reply.members()) {
      s.members.push_back(to_member(member));
    }
    return s;
  }

  result<std::vector<tree_line>> tree() override {
    v1::TreeReply reply;
    if (auto done = call(&v1::Admin::Stub::Tree, v1::TreeRequest{}, reply); !done) {
      return fail(done.error());
    }
    std::vector<tree_line> lines;
    lines.reserve(static_cast<std::size_t>(reply.lines_size()) + 1);
    for (const auto& line : reply.lines()) {
      lines.push_back(
          {line.depth(), line.name(), line.kind(), line.state(), line.restarts(), line.mailbox()});
    }
    if (reply.is_truncated()) {
      lines.push_back({0, "…", "", "cut here", 0, 0});
    }
    return lines;
  }

  result<location> where(const std::string& name) override {
    v1::WhereRequest request;
    request.set_name(name);
    v1::WhereReply reply;
    if (auto done = call(&v1::Admin::Stub::Where, request, reply); !done) {
      return fail(done.error());
    }
    return location{reply.name(), reply.node(), reply.state(), reply.epoch()};
  }

  result<moved> move(const std::string& name, const std::string& node) override {
    v1::MoveRequest request;
    request.set_name(name);
    request.set_node(node);
    v1::MoveReply reply;
    if (auto done = call(&v1::Admin::Stub::Move, request, reply); !done) {
      return fail(done.error());
    }
    return moved{reply.name(), reply.from(), reply.to(),
                 std::chrono::nanoseconds(reply.pause_ns())};
  }

  result<drained> drain(const std::string& node) override {
    v1::DrainRequest request;
    request.set_node(node);
    v1::DrainReply reply;
    if (auto done = call(&v1::Admin::Stub::Drain, request, reply); !done) {
      return fail(done.error());
    }
    return drained{reply.node(), reply.stayed(), std::chrono::milliseconds(reply.took_ms())};
  }

  result<created_user> create_user(const wanted_user& wanted) override {
    v1::CreateUserRequest request;
    request.set_username(wanted.username);
    request.set_email(wanted.email);
    request.set_password(wanted.password);
    request.set_is_administrator(wanted.is_administrator);
    v1::CreateUserReply reply;
    if (auto done = call(&v1::Admin::Stub::CreateUser, request, reply); !done) {
      return fail(done.error());
    }
    return created_user{reply.user_id(), reply.username()};
  }

  result<void> set_password(const std::string& username, const std::string& password) override {
    v1::SetPasswordRequest request;
    request.set_username(username);
    request.set_password(password);
    v1::SetPasswordReply reply;
    return call(&v1::Admin::Stub::SetPassword, request, reply);
  }

  result<signing_key> rotate_token_key(bool ends_older) override {
    v1::RotateTokenKeyRequest request;
    request.set_end_older(ends_older);
    v1::RotateTokenKeyReply reply;
    if (auto done = call(&v1::Admin::Stub::RotateTokenKey, request, reply); !done) {
      return fail(done.error());
    }
    return signing_key{reply.kid(), from_unix_ms(reply.signs_from_ms())};
  }

 private:
  template <class Request, class Reply>
  result<void> call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Reply*),
                    const Request& request, Reply& reply) {
    std::error_code problem;
    if (!std::filesystem::exists(socket_, problem)) {
      return fail(errc::unavailable, "no_node",
                  fmt::format("no node runs here: there is no {}", socket_.string()));
    }
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_);
    const auto status = (stub_.get()->*method)(&context, request, &reply);
    if (status.ok()) {
      return {};
    }
    auto e = from_rpc(status);
    // Without details it is gRPC itself that found nobody at the other end.
    if (e.code == errc::unavailable && status.error_details().empty()) {
      return fail(errc::unavailable, "no_node",
                  fmt::format("no node answers on {}", socket_.string()));
    }
    return fail(std::move(e));
  }

  const std::filesystem::path socket_;
  const std::chrono::milliseconds timeout_;
  const std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace

std::unique_ptr<client> make_client(const std::filesystem::path& socket,
                                    std::chrono::milliseconds timeout) {
  redirect_rpc_log();
  return std::make_unique<unix_client>(socket, timeout);
}

}  // namespace troupe::admin
