// SPDX-License-Identifier: GPL-3.0-or-later
// The files of `troupe cert`: a CA's, and what a node needs of it. Nothing is ever written over.
// Thread: pure functions of the disk.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace troupe::cli {

struct certificate_files {
  std::filesystem::path ca;    ///< the CA's certificate, which every node has
  std::filesystem::path cert;  ///< the same for a CA
  std::filesystem::path key;   ///< mode 0600
};

/// out/ca.pem and out/ca.key; makes the folder. Errors: conflict when one is there already.
result<certificate_files> write_ca(const std::filesystem::path& out);

/// From ca/ca.pem and ca/ca.key: out/node.pem, out/node.key and a copy of ca.pem. The names are the
/// same for every node, as cluster.conf is. Errors: conflict as above, invalid_argument.
result<certificate_files> write_node_certificate(const std::string& node,
                                                 const std::filesystem::path& ca,
                                                 const std::filesystem::path& out,
                                                 const std::vector<std::string>& hosts);

}  // namespace troupe::cli
