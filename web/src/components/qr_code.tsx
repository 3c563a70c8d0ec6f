// SPDX-License-Identifier: GPL-3.0-or-later
// A QR code as one SVG path: black on white in either theme, as scanners want it.
import { useMemo } from 'react';
import { encode } from 'uqr';

// Modules around the code that stay empty (ISO/IEC 18004, 5.3.8).
const quiet = 4;

export function pathOf(modules: boolean[][]): string {
  return modules
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + quiet} ${y + quiet}h1v1h-1z` : '')))
    .join('');
}

export function QrCode({ text, label }: { text: string; label: string }) {
  const code = useMemo(() => encode(text, { ecc: 'M', border: 0 }), [text]);
  const size = code.size + quiet * 2;
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges" data-testid="qr">
      <rect width={size} height={size} fill="#fff" />
      <path d={pathOf(code.data)} fill="#000" />
    </svg>
  );
}
