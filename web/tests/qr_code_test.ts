// SPDX-License-Identifier: GPL-3.0-or-later
import { encode } from 'uqr';
import { describe, expect, it } from 'vitest';
import { pathOf } from '../src/components/qr_code';

describe('QR code', () => {
  it('draws each dark module once, inside the quiet zone', () => {
    const { data, size } = encode('otpauth://totp/Troupe:mika?secret=JBSWY3DPEHPK3PXP', { ecc: 'M', border: 0 });
    const path = pathOf(data);
    const squares = [...path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
    expect(squares).toHaveLength(data.flat().filter(Boolean).length);
    expect(squares.every(([x, y]) => x >= 4 && y >= 4 && x < size + 4 && y < size + 4)).toBe(true);
    // The three finder patterns (ISO/IEC 18004, 6.3.3).
    for (const [x, y] of [[4, 4], [size - 3, 4], [4, size - 3]] as const) {
      expect(path).toContain(`M${x} ${y}h1v1h-1z`);
    }
  });
});
