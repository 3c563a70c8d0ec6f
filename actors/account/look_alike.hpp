// SPDX-License-Identifier: GPL-3.0-or-later
// Names that a reader takes for another's. Two skeletons after the manner of Unicode's UTS 39
// (section 4), for the 63 characters that a username may have; docs/decisions/0006 says what was
// left out and why. Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace troupe::account {

/// What two names that look alike on a screen share, as their owners wrote them: 0 o O; 1 l I; rn
/// m; vv w; case; underscores at the ends and in runs. A user can have no name with the skeleton of
/// another's.
std::string look_alike_skeleton(std::string_view username);

/// Whether the name says that it speaks for the operators: made of words like admin, moderator,
/// support and troupe alone, digits behind them, spelled with whatever digits and underscores.
bool passes_for_operator(std::string_view username);

/// Whether the name is, or is spelled like, an address or a word of the program's own.
bool is_reserved_name(std::string_view username);

}  // namespace troupe::account
