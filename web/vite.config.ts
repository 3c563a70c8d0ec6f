// SPDX-License-Identifier: GPL-3.0-or-later
// Builds dist/: hashed names under /assets, nothing inline (the page is served under a strict
// Content-Security-Policy), and a .br and .gz beside every file that shrinks.
import { defineConfig } from 'vite';
import { guide } from './build_tools/guide';
import { precompress } from './build_tools/precompress';
import { refuseInlineCode } from './build_tools/refuse_inline_code';

// Where `npm run dev` finds the API and the media: the mock, or a real Troupe.
const backend = process.env['TROUPE_BACKEND'] ?? 'http://127.0.0.1:8090';

export default defineConfig({
  // JSX by esbuild alone: hot reload keeps no component state, and the install is half as large.
  esbuild: { jsx: 'automatic', legalComments: 'none' },
  plugins: [refuseInlineCode(), guide(), precompress()],
  server: {
    proxy: {
      '/api': backend,
      // The page itself lives at /live; the media below /live/ID/.
      '^/live/.+': backend,
    },
  },
  build: {
    target: ['chrome100', 'firefox100', 'safari15.4'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // hls.js is one chunk of 380 kB that only the player loads.
    chunkSizeWarningLimit: 450,
  },
  test: {
    include: ['tests/**/*_test.{ts,tsx}'],
    environment: 'node',
    restoreMocks: true,
    unstubGlobals: true,
  },
} as import('vite').UserConfig & { test: import('vitest/node').InlineConfig });
