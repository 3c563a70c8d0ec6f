// SPDX-License-Identifier: GPL-3.0-or-later
// Sockets that are told the same, gone over in slices, so that a pass over thousands can let the
// others of its thread in between. Sockets may come and go while a pass is under way.
// Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace troupe::ws {

/// Where a socket stands in the one roster it is in.
class rostered {
 protected:
  rostered() = default;
  ~rostered() = default;
  rostered(const rostered&) = delete;
  rostered& operator=(const rostered&) = delete;

  bool is_member() const { return is_member_; }

 private:
  template <class Member>
  friend class roster;

  std::uint32_t place_ = 0;
  bool is_member_ = false;
};

/// Member is rostered.
template <class Member>
class roster {
 public:
  void add(Member& m) {
    place_of(m) = static_cast<std::uint32_t>(members_.size());
    static_cast<rostered&>(m).is_member_ = true;
    members_.push_back(&m);
    ++live_;
  }

  /// False when it was not there.
  bool remove(Member& m) {
    auto& is_member = static_cast<rostered&>(m).is_member_;
    if (!std::exchange(is_member, false)) {
      return false;
    }
    --live_;
    const auto place = place_of(m);
    if (is_passing_) {
      members_[place] = nullptr;  // the pass keeps its place
      return true;
    }
    members_[place] = members_.back();
    place_of(*members_[place]) = place;
    members_.pop_back();
    return true;
  }

  std::size_t size() const { return live_; }

  bool is_passing() const { return is_passing_; }

  /// The next count members of the pass, the first ones when none is under way. True: there are
  /// more. visit(member) may remove any of them.
  template <class Visit>
  bool pass(std::size_t count, Visit visit) {
    if (!std::exchange(is_passing_, true)) {
      at_ = 0;
    }
    for (; count > 0 && at_ < members_.size(); ++at_) {
      if (auto* member = members_[at_]; member != nullptr) {
        --count;
        visit(*member);
      }
    }
    if (at_ < members_.size()) {
      return true;
    }
    is_passing_ = false;
    std::erase(members_, nullptr);
    for (std::size_t i = 0; i < members_.size(); ++i) {
      place_of(*members_[i]) = static_cast<std::uint32_t>(i);
    }
    return false;
  }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto* member : members_) {
      if (member != nullptr) {
        visit(*member);
      }
    }
  }

 private:
  static std::uint32_t& place_of(Member& m) { return static_cast<rostered&>(m).place_; }

  std::vector<Member*> members_;  // null: gone during a pass
  std::size_t live_ = 0;
  std::size_t at_ = 0;  // of the pass
  bool is_passing_ = false;
};

}  // namespace troupe::ws
