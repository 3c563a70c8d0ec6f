// SPDX-License-Identifier: GPL-3.0-or-later
// The one table a run prints.
import { median, spread } from './stats.mjs';

const shows = {
  s: (v) => `${v.toFixed(2)} s`,
  ms: (v) => `${v.toFixed(v < 10 ? 1 : 0)} ms`,
  'ms/s': (v) => `${v.toFixed(2)} ms/s`,
  '/s': (v) => `${Math.round(v).toLocaleString('en-US')}/s`,
  'a second': (v) => `${v.toFixed(1)}/s`,
  'GB/s': (v) => `${v.toFixed(2)} GB/s`,
  'µs': (v) => `${v.toFixed(1)} µs`,
  'CPU s': (v) => `${v.toFixed(2)} s`,
  kB: (v) => `${v.toFixed(1)} kB`,
  '%': (v) => `${v.toFixed(2)} %`,
  '': (v) => v.toFixed(1),
  MB: (v) => `${v.toFixed(2)} MB`,
};

/** atLeast and aim are numbers, or functions of the peer's median where the peer is the measure. */
export function verdict(figure, ours = median(figure.ours), peer = figure.peer?.length ? median(figure.peer) : undefined) {
  if (figure.atLeast === undefined) return 'information';
  const limit = (of) => (typeof of === 'function' ? of(peer) : of);
  const holds = (of) => (figure.higher ? ours >= limit(of) : ours <= limit(of));
  if (figure.aim !== undefined && holds(figure.aim)) return 'aim';
  return holds(figure.atLeast) ? 'ok' : 'MISSED';
}

function target(figure, of, peer) {
  if (of === undefined) return '';
  return `${figure.higher ? '≥' : '≤'} ${shows[figure.unit](typeof of === 'function' ? of(peer) : of)}`;
}

/** figures: [{name, unit, ours: [per run], peer: [per run], higher, atLeast, aim}]. */
export function table(figures) {
  const head = ['row', 'ours', 'runs', 'peer', 'runs', 'ours/peer', 'at least', 'aim', 'verdict'];
  const rows = figures.map((figure) => {
    const show = shows[figure.unit];
    const ours = median(figure.ours);
    const peer = figure.peer?.length ? median(figure.peer) : undefined;
    return [figure.name, show(ours), spread(figure.ours, show), peer === undefined ? '-' : show(peer),
      peer === undefined ? '-' : spread(figure.peer, show), peer ? (ours / peer).toFixed(2) : '-',
      target(figure, figure.atLeast, peer), target(figure, figure.aim, peer), verdict(figure, ours, peer)];
  });
  const width = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (row) => `| ${row.map((cell, i) => cell.padEnd(width[i])).join(' | ')} |`;
  return [line(head), `|${width.map((w) => '-'.repeat(w + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}
