// SPDX-License-Identifier: GPL-3.0-or-later
// How far behind live a viewer is. Units: seconds.

// The date in the playlist is the server's clock, `now` the viewer's. A difference from the
// playlist's own measure outside of these is a wrong clock, not latency: packaging and the way of
// the newest part take less than a few seconds.
const mostAhead = 0.5;
const mostBehind = 6;

/**
 * From the frame's arrival at the server when the clocks agree (program date time), else from the
 * end of the playlist as hls.js measures it. Null while neither is known.
 */
export function latencyOf(edge: number | null, playingDate: Date | null, nowMs: number): number | null {
  const wall = playingDate === null ? Number.NaN : (nowMs - playingDate.getTime()) / 1000;
  if (edge === null || !Number.isFinite(edge)) {
    return Number.isFinite(wall) && wall >= 0 && wall < 3600 ? wall : null;
  }
  const plausible = wall >= Math.max(0, edge - mostAhead) && wall <= edge + mostBehind;
  return plausible ? wall : Math.max(0, edge);
}

// "Go to live" appears when this much further back than hls.js aims to be, and goes when less.
const behindOn = 3;
const behindOff = 1.5;

export function isBehind(latency: number | null, target: number | null, was: boolean): boolean {
  if (latency === null) {
    return false;
  }
  return latency > (target ?? 3) + (was ? behindOff : behindOn);
}
