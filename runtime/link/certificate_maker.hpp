// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a cluster's CA and its nodes' certificates (EC P-256), as PEM texts; files are the caller's
// business. Thread: pure functions of the clock and the machine's randomness.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace troupe::runtime {

struct certificate {
  std::string cert;  ///< PEM
  std::string key;   ///< PEM, PKCS #8, without a password
};

// Long, because nodes cannot speak to each other the day it ends; and it is made anew by hand.
constexpr std::chrono::days ca_lifetime{3650};
constexpr std::chrono::days node_lifetime{825};

/// cluster: what the CA is called, for people.
result<certificate> make_ca(const std::string& cluster, std::chrono::days lifetime = ca_lifetime);

/// For both ends of a connection. hosts: DNS names and IP addresses beside the node's name.
/// Errors: invalid_argument when ca is none, or a host is no name.
result<certificate> make_node_certificate(const certificate& ca, const std::string& node,
                                          const std::vector<std::string>& hosts,
                                          std::chrono::days lifetime = node_lifetime);

}  // namespace troupe::runtime
