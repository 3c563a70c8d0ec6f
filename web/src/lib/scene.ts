// SPDX-License-Identifier: GPL-3.0-or-later
// A small stage set made from a channel's name: the same name always gives the same set. Stands in
// for a picture until the channel has one.

/** The gels of a lighting rig: back cloth, floor, and three for the figures. */
export const gels = [
  { cloth: '#1f4d52', floor: '#143338', lamp: '#ffd98a', figures: ['#f2684a', '#f4e3b5', '#7fc4b0'] },
  { cloth: '#5c2440', floor: '#3b1529', lamp: '#ffc9a3', figures: ['#f5b13d', '#f3d5d0', '#4f9aa8'] },
  { cloth: '#2b3a78', floor: '#1b2552', lamp: '#cfe0ff', figures: ['#ff7a59', '#f6d365', '#9cc3e6'] },
  { cloth: '#7a3b12', floor: '#4f240a', lamp: '#ffe2a8', figures: ['#f7c948', '#2f8f83', '#f3dcc0'] },
  { cloth: '#2c5a34', floor: '#1a3a21', lamp: '#f1f3b0', figures: ['#f59e7c', '#e9edc9', '#d9b310'] },
  { cloth: '#46306b', floor: '#2c1d47', lamp: '#ffd1ec', figures: ['#5fc2b6', '#f7c873', '#ef6f8b'] },
  { cloth: '#8c2f2a', floor: '#5c1b18', lamp: '#ffdcb8', figures: ['#f6d7a7', '#274c5e', '#f29f67'] },
  { cloth: '#34495e', floor: '#212f3d', lamp: '#fdf1cf', figures: ['#e8c547', '#d96c75', '#a9c6cf'] },
] as const;

export type FigureShape = 'arch' | 'column' | 'disc' | 'cone' | 'steps';

export interface Figure {
  shape: FigureShape;
  x: number;
  width: number;
  height: number;
  color: string;
}

export interface Scene {
  gel: (typeof gels)[number];
  /** Centre of the light on the floor, and where the lamp hangs. Units: a 320 × 180 picture. */
  spotX: number;
  lampX: number;
  figures: Figure[];
}

/** FNV-1a, 32 bits: spreads short names well, and is the same everywhere. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const unit of text) {
    value = Math.imul(value ^ (unit.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return value;
}

/** mulberry32: a stream of numbers in [0, 1) from one seed. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const shapes: FigureShape[] = ['arch', 'column', 'disc', 'cone', 'steps'];

export function sceneFor(name: string): Scene {
  const next = numbersFrom(hash(name));
  const pick = <T,>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const gel = pick(gels);
  const count = 3 + Math.floor(next() * 3);
  const slot = 232 / count;
  const figures: Figure[] = [];
  for (let i = 0; i < count; i += 1) {
    const width = Math.min(30 + next() * 26, slot * 0.84);
    figures.push({
      shape: pick(shapes),
      x: 44 + slot * (i + 0.5) + (next() - 0.5) * slot * 0.24,
      width,
      height: width * (0.9 + next() * 1.1),
      color: gel.figures[i % gel.figures.length] as string,
    });
  }
  // The light is on the tallest; it stays clear of the curtains.
  const lead = figures.reduce((tallest, figure) => (figure.height > tallest.height ? figure : tallest));
  const spotX = Math.min(228, Math.max(92, lead.x));
  return { gel, spotX, lampX: spotX < 160 ? 300 : 20, figures };
}
