// SPDX-License-Identifier: GPL-3.0-or-later
// The link that the program uses: gRPC streams, with mutual TLS 1.3 where there are certificates.
// A node dials each peer once per stream, over a connection each, so that bulk never stands before
// a ping in a socket's buffer, and sends by what it dialled; what it receives comes by what its
// peers dialled. So a peer can be heard before, and without, being up here.
// Nothing of gRPC is to be seen here. Thread: as link.hpp has it; stop() not from a handler.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "runtime/link/link.hpp"

namespace troupe::runtime {

/// PEM files. They are read again when they change; connections that stand keep what they began
/// with.
struct link_certificates {
  std::filesystem::path ca;
  std::filesystem::path cert;  ///< names this node as a DNS name, beside whatever else
  std::filesystem::path key;
  std::chrono::seconds reread{10};  ///< how often the files are looked at
};

struct grpc_link_options {
  std::string node;
  /// An IP address. Without certificates it is loopback whatever stands here, and peers are who
  /// they say they are: one machine, for trying things out.
  std::string listen = "0.0.0.0";
  std::uint16_t port = 0;  ///< 0: any free one
  std::optional<link_certificates> certificates;

  struct queue_bound {
    std::size_t messages;
    std::size_t bytes;
  };

  /// What may wait for one peer, by link_stream; more is refused and counted.
  std::array<queue_bound, 3> bounds = {{{4'096, std::size_t{8} << 20},
                                        {16'384, std::size_t{32} << 20},
                                        {4'096, std::size_t{32} << 20}}};

  /// Between tries at a peer that cannot be reached: doubled each time, with jitter. A try more or
  /// less costs nothing in a cluster of a few dozen nodes.
  std::chrono::milliseconds first_pause{250};
  std::chrono::milliseconds longest_pause{2000};
  /// From dialling until all three streams stand.
  std::chrono::milliseconds connect_deadline{2000};
  /// How long nothing comes from a host before it is asked, and how long it then has to answer:
  /// what ends connections to hosts that vanished. Membership's own pings decide faster; a host
  /// that is merely busy must not lose what waits for it. Of the control stream, which takes the
  /// others with it; those have four times as long, for what lies in front of the answer.
  std::chrono::milliseconds keepalive{2000};
  std::chrono::milliseconds keepalive_answer{5000};
};

class listening_link : public link {
 public:
  virtual std::uint16_t port() const = 0;
};

/// Its port is open when this returns; whoever dials before start() is sent away and comes back.
/// Errors: unavailable (the port), invalid_argument (files that are no certificates, or not this
/// node's).
result<std::unique_ptr<listening_link>> make_grpc_link(grpc_link_options options, metrics& figures);

}  // namespace troupe::runtime
