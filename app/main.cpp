// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/run.hpp"
#include "app/node.hpp"

int main(int argc, char** argv) {
  return troupe::cli::run(argc, argv, troupe::app::serve);
}
