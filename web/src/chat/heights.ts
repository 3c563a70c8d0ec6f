// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of a list that draws only what is near the window: where each row stands, which
// rows are seen. Rows that were never drawn count with the mean of those that were.

export interface Window {
  first: number;
  /** One behind the last. */
  end: number;
  /** Height of the rows before `first`, and of all. Unit: CSS px. */
  before: number;
  total: number;
}

// A line of text with its name, before anything was measured.
const firstGuess = 28;

export class Heights<Key> {
  private known = new Map<Key, number>();
  private sum = 0;

  get guess(): number {
    return this.known.size === 0 ? firstGuess : this.sum / this.known.size;
  }

  /** True when it differs from what was known. */
  set(key: Key, height: number): boolean {
    const before = this.known.get(key);
    if (before !== undefined && Math.abs(before - height) < 0.5) {
      return false;
    }
    this.sum += height - (before ?? 0);
    this.known.set(key, height);
    return true;
  }

  of(key: Key): number {
    return this.known.get(key) ?? this.guess;
  }

  forget(): void {
    this.known.clear();
    this.sum = 0;
  }

  /** Keeps what belongs to rows that are still there. */
  keep(keys: readonly Key[]): void {
    if (this.known.size <= keys.length * 2 + 100) {
      return;
    }
    const there = new Set(keys);
    for (const [key, height] of this.known) {
      if (!there.has(key)) {
        this.known.delete(key);
        this.sum -= height;
      }
    }
  }

  /** Where a row begins. */
  offset(keys: readonly Key[], index: number): number {
    let top = 0;
    for (let i = 0; i < index && i < keys.length; i += 1) {
      top += this.of(keys[i] as Key);
    }
    return top;
  }

  /** The row that holds this place. */
  rowAt(keys: readonly Key[], top: number): number {
    let y = 0;
    for (let i = 0; i < keys.length; i += 1) {
      y += this.of(keys[i] as Key);
      if (y > top) {
        return i;
      }
    }
    return Math.max(0, keys.length - 1);
  }

  window(keys: readonly Key[], top: number, height: number, overscan: number): Window {
    let y = 0;
    let first = -1;
    let end = keys.length;
    let before = 0;
    const offsets: number[] = [];
    for (let i = 0; i < keys.length; i += 1) {
      offsets.push(y);
      const bottom = y + this.of(keys[i] as Key);
      if (first < 0 && bottom > top) {
        first = i;
      }
      if (y < top + height) {
        end = i + 1;
      }
      y = bottom;
    }
    first = Math.max(0, (first < 0 ? keys.length : first) - overscan);
    end = Math.min(keys.length, Math.max(end, first) + overscan);
    before = offsets[first] ?? 0;
    return { first, end, before, total: y };
  }
}
