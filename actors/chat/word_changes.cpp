// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/word_changes.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include <boost/json.hpp>

namespace troupe::chat {
namespace {

namespace json = boost::json;
using actions = std::unordered_map<std::string_view, word_action>;

/// Fills objects one after the other.
class writer {
 public:
  writer(std::size_t count, std::size_t most)
      : count_(count), most_(std::max<std::size_t>(most, 1)) {
    begin();
  }

  void add(std::string_view kind, json::object change) {
    if (inside_ == most_) {
      begin();
    }
    ++inside_;
    objects_.back().at(kind).get_array().push_back(std::move(change));
  }

  std::vector<std::string> take() const {
    std::vector<std::string> out;
    for (const auto& each : objects_) {
      out.push_back(json::serialize(each));
    }
    return out;
  }

 private:
  void begin() {
    inside_ = 0;
    objects_.push_back({{"count", count_},
                        {"added", json::array()},
                        {"removed", json::array()},
                        {"changed", json::array()}});
  }

  std::size_t count_;
  std::size_t most_;
  std::size_t inside_ = 0;
  std::vector<json::object> objects_;
};

actions actions_of(const std::vector<word_rule>& rules) {
  actions out;
  for (const auto& each : rules) {
    out.emplace(each.word, each.action);
  }
  return out;
}

bool are_same(const std::vector<word_rule>& a, const std::vector<word_rule>& b) {
  return std::ranges::equal(a, b, [](const word_rule& x, const word_rule& y) {
    return x.word == y.word && x.action == y.action;
  });
}

}  // namespace

std::vector<std::string> word_changes(const std::vector<word_rule>& before,
                                      const std::vector<word_rule>& after, std::size_t most) {
  if (are_same(before, after)) {
    return {};
  }
  const auto old_actions = actions_of(before);
  const auto new_actions = actions_of(after);
  writer out(after.size(), most);
  for (const auto& now : after) {
    const auto old = old_actions.find(now.word);
    if (old == old_actions.end()) {
      out.add("added", {{"word", now.word}, {"action", to_string(now.action)}});
    } else if (old->second != now.action) {
      out.add(
          "changed",
          {{"word", now.word}, {"from", to_string(old->second)}, {"to", to_string(now.action)}});
    }
  }
  for (const auto& old : before) {
    if (!new_actions.contains(old.word)) {
      out.add("removed", {{"word", old.word}, {"action", to_string(old.action)}});
    }
  }
  return out.take();
}

}  // namespace troupe::chat
