// SPDX-License-Identifier: GPL-3.0-or-later
// Counters, gauges and histograms in front of prometheus-cpp, whose headers stay out of ours.
// Whoever owns a bound or an event takes its metric once, at construction, and keeps the handle.
// Thread: handles may be used, and text() called, from any thread. Handles live as long as the
// registry.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

class metrics {
 public:
  using labels = std::map<std::string, std::string>;

  class counter {
   public:
    virtual ~counter() = default;
    virtual void add(double amount = 1) = 0;
    virtual double value() const = 0;
  };

  class gauge {
   public:
    virtual ~gauge() = default;
    virtual void set(double value) = 0;
    virtual void add(double amount) = 0;
    virtual double value() const = 0;
  };

  class histogram {
   public:
    virtual ~histogram() = default;
    virtual void observe(double value) = 0;
  };

  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// Names follow Prometheus: troupe_<what>_<unit>, counters end in _total. The same name and
  /// labels give the same handle. Labels must come from a closed set, never from a peer: each new
  /// value costs memory for good.
  counter& make_counter(const std::string& name, const std::string& help, const labels& l = {});
  gauge& make_gauge(const std::string& name, const std::string& help, const labels& l = {});
  /// bounds: upper bounds of the buckets, ascending, in the unit of the name.
  histogram& make_histogram(const std::string& name, const std::string& help,
                            const std::vector<double>& bounds, const labels& l = {});

  /// Everything in the Prometheus text format 0.0.4.
  std::string text() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe
