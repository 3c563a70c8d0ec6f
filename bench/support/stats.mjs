// SPDX-License-Identifier: GPL-3.0-or-later
// Order statistics: no mean here, the machine is noisy.

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** "a to b", the extremes of the runs, to see the noise. */
export function spread(values, show) {
  return `${show(Math.min(...values))} to ${show(Math.max(...values))}`;
}
