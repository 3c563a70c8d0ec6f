// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/admin/server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <grpcpp/grpcpp.h>
#include <spdlog/fmt/fmt.h>

#include "app/admin/admin.grpc.pb.h"
#include "app/admin/rpc_errors.hpp"

namespace troupe::admin {
namespace {

// A tree of more lines is cut: nobody reads it, and a reply has to fit one message.
constexpr int most_tree_lines = 20'000;
// Supervisors nest a few levels; the bound keeps add_lines() off the end of the stack.
constexpr std::uint32_t deepest_tree = 100;
// Room for the largest request there is, a new user, many times over.
constexpr int most_request_bytes = 64 * 1024;
// Running calls get this long when the node stops.
constexpr auto stop_patience = std::chrono::seconds(1);
// One operator asks at a time; more threads would only cost memory.
constexpr int most_threads = 4;

/// Ends the call when the answer comes, on whichever thread; write() puts it into the reply, which
/// lives until then.
template <class T, class Write>
callback<T> finishing(grpc::ServerUnaryReactor* reactor, Write write) {
  return [reactor, write = std::move(write)](result<T> answer) {
    if (!answer) {
      reactor->Finish(to_rpc(answer.error()));
      return;
    }
    write(*answer);
    reactor->Finish(grpc::Status::OK);
  };
}

callback<void> finishing(grpc::ServerUnaryReactor* reactor) {
  return [reactor](result<void> answer) {
    reactor->Finish(answer ? grpc::Status::OK : to_rpc(answer.error()));
  };
}

template <class To>
void add_counts(const std::vector<std::pair<std::string, std::int64_t>>& counts, To& to) {
  for (const auto& [name, value] : counts) {
    auto* count = to.add_counts();
    count->set_name(name);
    count->set_value(value);
  }
}

void write(const member_status& from, v1::Member& to) {
  to.set_node(from.node);
  to.set_state(from.state);
  to.set_incarnation(from.incarnation);
  to.set_address(from.address);
  to.mutable_roles()->Add(from.roles.begin(), from.roles.end());
  if (from.heard_ago) {
    to.set_heard_ago_ms(from.heard_ago->count());
  }
  to.set_is_suspected(from.is_suspected);
  to.set_answers(from.answers);
  to.set_version(from.version);
  to.set_uptime_s(from.uptime.count());
  to.set_http_port(from.http_port);
  to.set_rtmp_port(from.rtmp_port);
  add_counts(from.counts, to);
}

void add_lines(const runtime::tree_node& node, std::uint32_t depth, v1::TreeReply& reply) {
  if (reply.lines_size() == most_tree_lines || depth == deepest_tree) {
    reply.set_is_truncated(true);
    return;
  }
  auto* line = reply.add_lines();
  line->set_depth(depth);
  line->set_name(node.name);
  line->set_kind(node.kind);
  line->set_state(node.state);
  line->set_restarts(node.restarts);
  line->set_mailbox(node.mailbox);
  for (const auto& child : node.children) {
    add_lines(child, depth + 1, reply);
  }
}

class service final : public v1::Admin::CallbackService {
 public:
  explicit service(calls c) : calls_(std::move(c)) {}

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::StatusRequest*,
                                   v1::StatusReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.status(finishing<node_status>(reactor, [reply](const node_status& s) {
      reply->set_node(s.node);
      reply->set_state(s.state);
      reply->set_version(s.version);
      reply->set_uptime_s(s.uptime.count());
      reply->set_host(s.host);
      reply->set_http_port(s.http_port);
      reply->set_rtmp_port(s.rtmp_port);
      add_counts(s.counts, *reply);
      reply->set_view(s.view);
      reply->set_incarnation(s.incarnation);
      reply->set_address(s.address);
      reply->mutable_roles()->Add(s.roles.begin(), s.roles.end());
      reply->set_sentence(s.sentence);
      for (const auto& member : s.members) {
        write(member, *reply->add_members());
      }
    }));
    return reactor;
  }

  grpc::ServerUnaryReactor* Tree(grpc::CallbackServerContext* context, const v1::TreeRequest*,
                                 v1::TreeReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.tree(finishing<runtime::tree_node>(
        reactor, [reply](const runtime::tree_node& root) { add_lines(root, 0, *reply); }));
    return reactor;
  }

  grpc::ServerUnaryReactor* Where(grpc::CallbackServerContext* context,
                                  const v1::WhereRequest* request, v1::WhereReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.where(request->name(), finishing<location>(reactor, [reply](const location& l) {
                   reply->set_name(l.name);
                   reply->set_node(l.node);
                   reply->set_state(l.state);
                   reply->set_epoch(l.epoch);
                 }));
    return reactor;
  }

  grpc::ServerUnaryReactor* Move(grpc::CallbackServerContext* context,
                                 const v1::MoveRequest* request, v1::MoveReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.move(request->name(), request->node(),
                finishing<moved>(reactor, [reply](const moved& m) {
                  reply->set_name(m.name);
                  reply->set_from(m.from);
                  reply->set_to(m.to);
                  reply->set_pause_ns(m.pause.count());
                }));
    return reactor;
  }

  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const v1::DrainRequest* request, v1::DrainReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.drain(request->node(), finishing<drained>(reactor, [reply](const drained& d) {
                   reply->set_node(d.node);
                   reply->set_stayed(d.stayed);
                   reply->set_took_ms(d.took.count());
                 }));
    return reactor;
  }

  grpc::ServerUnaryReactor* CreateUser(grpc::CallbackServerContext* context,
                                       const v1::CreateUserRequest* request,
                                       v1::CreateUserReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.create_user(
        {request->username(), request->email(), request->password(), request->is_administrator()},
        finishing<created_user>(reactor, [reply](const created_user& user) {
          reply->set_user_id(user.id);
          reply->set_username(user.username);
        }));
    return reactor;
  }

  grpc::ServerUnaryReactor* SetPassword(grpc::CallbackServerContext* context,
                                        const v1::SetPasswordRequest* request,
                                        v1::SetPasswordReply*) override {
    auto* reactor = context->DefaultReactor();
    calls_.set_password(request->username(), request->password(), finishing(reactor));
    return reactor;
  }

  grpc::ServerUnaryReactor* RotateTokenKey(grpc::CallbackServerContext* context,
                                           const v1::RotateTokenKeyRequest* request,
                                           v1::RotateTokenKeyReply* reply) override {
    auto* reactor = context->DefaultReactor();
    calls_.rotate_token_key(request->end_older(),
                            finishing<signing_key>(reactor, [reply](const signing_key& key) {
                              reply->set_kid(key.name);
                              reply->set_signs_from_ms(to_unix_ms(key.signs_from));
                            }));
    return reactor;
  }

 private:
  const calls calls_;
};

std::string last_error() {
  return std::generic_category().message(errno);
}

/// Whether somebody accepts on the socket.
bool is_answered(const sockaddr_un& address) {
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) {
    return false;
  }
  const bool answered =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return answered;
}

result<void> make_room(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = socket.string();
  if (path.size() >= sizeof address.sun_path) {
    return fail(errc::invalid_argument,
                fmt::format("{} is too long for a Unix socket ({} bytes at most): choose a shorter "
                            "data folder",
                            path, sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  struct stat found{};
  if (lstat(path.c_str(), &found) != 0) {
    return {};
  }
  if (!S_ISSOCK(found.st_mode)) {
    return fail(errc::conflict, fmt::format("{} exists and is not a socket", path));
  }
  if (is_answered(address)) {
    return fail(errc::conflict, "node_is_running",
                fmt::format("another process answers on {}: the node already runs", path));
  }
  if (unlink(path.c_str()) != 0) {
    return fail(errc::unavailable, fmt::format("{} cannot be removed: {}", path, last_error()));
  }
  return {};
}

class unix_server final : public server {
 public:
  unix_server(std::filesystem::path socket, calls c)
      : socket_(std::move(socket)), service_(std::move(c)) {}

  ~unix_server() override { stop(); }

  result<void> start() {
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("admin");
    quota.SetMaxThreads(most_threads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(most_request_bytes);
    int bound = 0;
    builder.AddListeningPort("unix:" + socket_.string(), grpc::InsecureServerCredentials(), &bound);
    builder.RegisterService(&service_);
    running_ = builder.BuildAndStart();
    // A Unix socket counts as bound when this is not 0.
    if (!running_ || bound == 0) {
      running_.reset();
      return fail(errc::unavailable,
                  fmt::format("the admin socket {} cannot be opened", socket_.string()));
    }
    // Between bind and chmod the folder's mode 0700 keeps others out.
    if (chmod(socket_.c_str(), S_IRUSR | S_IWUSR) != 0) {
      return fail(errc::unavailable,
                  fmt::format("the mode of {} cannot be set: {}", socket_.string(), last_error()));
    }
    return {};
  }

  void stop() override {
    if (!running_) {
      return;
    }
    running_->Shutdown(std::chrono::system_clock::now() + stop_patience);
    running_->Wait();
    running_.reset();
    std::error_code ignored;  // gRPC removes the socket itself in most versions
    std::filesystem::remove(socket_, ignored);
  }

 private:
  const std::filesystem::path socket_;
  service service_;
  std::unique_ptr<grpc::Server> running_;
};

}  // namespace

std::filesystem::path socket_path(const std::filesystem::path& data, const std::string& node) {
  return data / (node + ".sock");
}

result<std::unique_ptr<server>> start_server(const std::filesystem::path& socket, calls c) {
  redirect_rpc_log();
  if (auto free = make_room(socket); !free) {
    return fail(free.error());
  }
  auto made = std::make_unique<unix_server>(socket, std::move(c));
  if (auto started = made->start(); !started) {
    return fail(started.error());
  }
  return made;
}

}  // namespace troupe::admin
