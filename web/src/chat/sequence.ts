// SPDX-License-Identifier: GPL-3.0-or-later
// Which numbers of the room were seen. They are dense, so what is not seen below the newest is a
// hole, and what is seen twice is a double. Bounded by the number of holes.

export interface Range {
  from: number;
  to: number; // inclusive
}

// More holes than this are taken together, which only means that something is fetched again.
const mostHoles = 50;

export class Sequence {
  /** The newest number; everything up to it was seen or is in a hole. */
  last = 0;
  holes: Range[] = [];

  restart(last: number): void {
    this.last = last;
    this.holes = [];
  }

  /** True when the number is new; false for a double. Numbers that were skipped become a hole. */
  accept(seq: number): boolean {
    if (seq > this.last) {
      this.advance(seq - 1);
      this.last = seq;
      return true;
    }
    const at = this.holes.findIndex(({ from, to }) => from <= seq && seq <= to);
    const hole = this.holes[at];
    if (!hole) {
      return false;
    }
    const rest = [
      { from: hole.from, to: seq - 1 },
      { from: seq + 1, to: hole.to },
    ].filter(({ from, to }) => from <= to);
    this.holes.splice(at, 1, ...rest);
    return true;
  }

  /** The room is at `seq` now: what lies between is missing. */
  advance(seq: number): void {
    if (seq > this.last) {
      this.holes.push({ from: this.last + 1, to: seq });
      this.last = seq;
      while (this.holes.length > mostHoles) {
        const [first, second] = this.holes as [Range, Range, ...Range[]];
        this.holes.splice(0, 2, { from: first.from, to: second.to });
      }
    }
  }

  /** Nothing up to and with `seq` is coming any more. */
  close(seq: number): void {
    this.holes = this.holes
      .map(({ from, to }) => ({ from: Math.max(from, seq + 1), to }))
      .filter(({ from, to }) => from <= to);
  }
}
