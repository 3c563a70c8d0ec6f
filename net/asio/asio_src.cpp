// SPDX-License-Identifier: GPL-3.0-or-later
// Asio's and Beast's own code, compiled once (BOOST_ASIO_SEPARATE_COMPILATION in
// net/CMakeLists.txt).
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
