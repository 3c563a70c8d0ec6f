// SPDX-License-Identifier: GPL-3.0-or-later
// A small chart's line. Pure: values in, SVG path out.

/** Scales to the largest value, from zero; fewer than two values give no line. */
export function sparkline(values: number[], width: number, height: number, slots: number): string {
  if (values.length < 2) {
    return '';
  }
  const most = Math.max(...values, 1);
  const step = width / (slots - 1);
  const offset = width - step * (values.length - 1);
  return values
    .map((value, i) => {
      const x = (offset + i * step).toFixed(1);
      const y = (height - (Math.max(0, value) / most) * height).toFixed(1);
      return `${i === 0 ? 'M' : 'L'}${x} ${y}`;
    })
    .join('');
}
