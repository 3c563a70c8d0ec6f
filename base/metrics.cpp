// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/metrics.hpp"

#include <mutex>
#include <unordered_map>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace troupe {
namespace {

class prometheus_counter final : public metrics::counter {
 public:
  explicit prometheus_counter(prometheus::Counter& c) : counter_(c) {}

  void add(double amount) override { counter_.Increment(amount); }

  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class prometheus_gauge final : public metrics::gauge {
 public:
  explicit prometheus_gauge(prometheus::Gauge& g) : gauge_(g) {}

  void set(double value) override { gauge_.Set(value); }

  void add(double amount) override { gauge_.Increment(amount); }

  double value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class prometheus_histogram final : public metrics::histogram {
 public:
  explicit prometheus_histogram(prometheus::Histogram& h) : histogram_(h) {}

  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

struct metrics::impl {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::mutex mutex;
  // By prometheus-cpp's own object, which it gives again for the same name and labels.
  std::unordered_map<void*, std::unique_ptr<counter>> counters;
  std::unordered_map<void*, std::unique_ptr<gauge>> gauges;
  std::unordered_map<void*, std::unique_ptr<histogram>> histograms;
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}

metrics::~metrics() = default;

metrics::counter& metrics::make_counter(const std::string& name, const std::string& help,
                                        const labels& l) {
  const std::lock_guard lock(impl_->mutex);
  auto& made = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(l);
  auto& handle = impl_->counters[&made];
  if (!handle) {
    handle = std::make_unique<prometheus_counter>(made);
  }
  return *handle;
}

metrics::gauge& metrics::make_gauge(const std::string& name, const std::string& help,
                                    const labels& l) {
  const std::lock_guard lock(impl_->mutex);
  auto& made = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(l);
  auto& handle = impl_->gauges[&made];
  if (!handle) {
    handle = std::make_unique<prometheus_gauge>(made);
  }
  return *handle;
}

metrics::histogram& metrics::make_histogram(const std::string& name, const std::string& help,
                                            const std::vector<double>& bounds, const labels& l) {
  const std::lock_guard lock(impl_->mutex);
  auto& made =
      prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry).Add(l, bounds);
  auto& handle = impl_->histograms[&made];
  if (!handle) {
    handle = std::make_unique<prometheus_histogram>(made);
  }
  return *handle;
}

std::string metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace troupe
