// SPDX-License-Identifier: GPL-3.0-or-later
// What rooms give out, as the JSON of docs/chat-protocol.md. Pure functions; any thread.
#pragma once

#include <string>

#include <boost/json/value.hpp>

#include "actors/chat/chats.hpp"

namespace troupe::http {

/// {"messages":[…],"next":…}: events as the WebSocket has them.
std::string history_json(const chat::history_page& page);
boost::json::value to_json(const chat::posted& p);
boost::json::value to_json(const chat::mode& m);
boost::json::value to_json(const chat::moderator& m);
boost::json::value to_json(const chat::ban& b);
boost::json::value to_json(const chat::word_rule& w);
boost::json::value to_json(const chat::held& h);
boost::json::value to_json(const chat::log_entry& e);
/// Its messages are those of the WebSocket, with whether each was deleted.
boost::json::value to_json(const chat::member_card& c);

}  // namespace troupe::http
