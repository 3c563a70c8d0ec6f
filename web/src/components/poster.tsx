// SPDX-License-Identifier: GPL-3.0-or-later
// The generated stage set of a channel, and the two scenes of an empty house. Decorative.
import { memo, useId } from 'react';
import { sceneFor, type Figure } from '../lib/scene';

const floorY = 138;

function FigureShape({ figure }: { figure: Figure }) {
  const { x, width: w, height: h, color } = figure;
  const left = x - w / 2;
  const right = x + w / 2;
  const top = floorY - h;
  switch (figure.shape) {
    case 'arch':
      return (
        <path
          fill={color}
          d={`M${left} ${floorY}V${top + w / 2}a${w / 2} ${w / 2} 0 0 1 ${w} 0V${floorY}h${-w * 0.28}V${top + w * 0.62}a${w * 0.22} ${w * 0.22} 0 0 0 ${-w * 0.44} 0V${floorY}z`}
        />
      );
    case 'column':
      return (
        <path
          fill={color}
          d={`M${left} ${top}h${w}v7H${right - 5}V${floorY - 7}H${right}v7H${left}v-7h5V${top + 7}H${left}z`}
        />
      );
    case 'disc':
      return (
        <g fill={color}>
          <circle cx={x} cy={top + w / 2} r={w / 2} />
          <rect x={x - 1.5} y={top + w} width="3" height={Math.max(0, h - w)} />
          <rect x={x - 9} y={floorY - 3} width="18" height="3" />
        </g>
      );
    case 'cone':
      return <path fill={color} d={`M${left} ${floorY}L${x} ${top}L${right} ${floorY}z`} />;
    case 'steps': {
      const s = w / 3;
      const r = Math.min(h, w) / 3;
      return (
        <path
          fill={color}
          d={`M${left} ${floorY}v${-r}h${s}v${-r}h${s}v${-r}h${s}V${floorY}z`}
        />
      );
    }
  }
}

/** `tall` shows the same set from further away, with the flies above it, for upright places. */
export const Poster = memo(function Poster({ name, tall = false }: { name: string; tall?: boolean }) {
  const { gel, spotX, lampX, figures } = sceneFor(name);
  const top = tall ? -260 : 0;
  const fit = tall ? 'xMidYMax slice' : 'xMidYMid slice';
  return (
    <svg className="poster" viewBox={`0 ${top} 320 ${180 - top}`} preserveAspectRatio={fit} aria-hidden="true">
      <g>
        <rect y={top} width="320" height={180 - top} fill={gel.cloth} />
        <path d={`M${lampX} ${top - 30}L${spotX - 76} ${floorY + 8}h152z`} fill={gel.lamp} opacity="0.2" />
        <rect y={floorY - 8} width="320" height="60" fill={gel.floor} />
        <ellipse cx={spotX} cy={floorY + 8} rx="76" ry="16" fill={gel.lamp} opacity="0.36" />
        <g className="poster-figures">
          {figures.map((figure, index) => (
            <g key={index} className={`poster-figure poster-figure-${index % 3}`}>
              <ellipse cx={figure.x} cy={floorY + 1} rx={figure.width * 0.62} ry="4" fill="#000" opacity="0.25" />
              <FigureShape figure={figure} />
            </g>
          ))}
        </g>
        <path d={`M0 ${top}h34V0q-4 84-28 180H0zM320 ${top}h-34V0q4 84 28 180h6z`} fill={gel.floor} />
        <path d={`M0 ${top}h14V0q-3 84-12 180H0zM320 ${top}h-14V0q3 84 12 180h2z`} fill="#000" opacity="0.2" />
      </g>
    </svg>
  );
});

/** The lamp that stays lit on an empty stage. */
export function GhostLight() {
  const id = useId();
  return (
    <svg className="ghost-light" viewBox="0 0 320 200" preserveAspectRatio="xMidYMid slice" aria-hidden="true">
      <defs>
        <radialGradient id={`${id}g`}>
          <stop offset="0" stopColor="#ffe3a1" stopOpacity="0.95" />
          <stop offset="0.25" stopColor="#ffd166" stopOpacity="0.4" />
          <stop offset="1" stopColor="#ffd166" stopOpacity="0" />
        </radialGradient>
      </defs>
      <rect className="ghost-floor" y="158" width="320" height="42" />
      <ellipse className="ghost-pool" cx="160" cy="176" rx="96" ry="13" />
      <path className="ghost-curtain" d="M0 0h62q-6 110-44 200H0zM320 0h-62q6 110 44 200h18z" />
      <path className="ghost-fold" d="M20 0q-2 110-12 200M42 0q-4 110-30 200M300 0q2 110 12 200M278 0q4 110 30 200" />
      <path className="ghost-stand" d="M160 174V84M142 176q18-9 36 0" />
      <circle className="ghost-glow" cx="160" cy="72" r="70" fill={`url(#${id}g)`} />
      <path className="ghost-cage" d="M152 84q-9-12 0-24 8-8 16 0 9 12 0 24z" />
      <circle className="ghost-bulb" cx="160" cy="71" r="7.5" />
    </svg>
  );
}

/** Rows of seats seen from the stage; as many lit as there are viewers. */
export function Seats({ taken }: { taken: number }) {
  const rows = [7, 8, 9, 10];
  let number = 0;
  // Scattered like a real audience: 7 and 34 share no factor, so every seat is reached once.
  const total = rows.reduce((sum, seats) => sum + seats, 0);
  const lit = new Set(Array.from({ length: Math.min(taken, total) }, (_, i) => (i * 7 + 12) % total));
  return (
    <svg className="seats" viewBox="0 0 240 104" aria-hidden="true">
      {rows.map((seats, row) => {
        const y = 6 + row * 25;
        const pitch = 22;
        const start = 120 - ((seats - 1) * pitch) / 2;
        return Array.from({ length: seats }, (_, seat) => {
          const x = start + seat * pitch;
          const bend = Math.pow(Math.abs(x - 120) / 120, 2) * -7;
          const name = lit.has(number) ? 'seat seat-taken' : 'seat';
          number += 1;
          return <path key={`${row}-${seat}`} className={name} d={`M${x - 8} ${y + bend + 18}v-11a8 7 0 0 1 16 0v11z`} />;
        });
      })}
    </svg>
  );
}
