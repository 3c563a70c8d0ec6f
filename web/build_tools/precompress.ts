// SPDX-License-Identifier: GPL-3.0-or-later
// Writes FILE.br and FILE.gz beside each text file of the build, so that the server compresses
// nothing while it runs. A compressed copy that saves less than a tenth is not written.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const compressible = new Set(['.html', '.js', '.css', '.svg', '.json', '.txt', '.webmanifest']);

// Below this a copy saves no packet.
const smallestWorthwhile = 512;

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* filesBelow(path);
    } else {
      yield path;
    }
  }
}

export function compressFile(path: string): string[] {
  const size = statSync(path).size;
  if (!compressible.has(extname(path)) || size < smallestWorthwhile) {
    return [];
  }
  const bytes = readFileSync(path);
  const copies: [string, Buffer][] = [
    [
      `${path}.br`,
      brotliCompressSync(bytes, {
        params: {
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: size,
        },
      }),
    ],
    [`${path}.gz`, gzipSync(bytes, { level: 9 })],
  ];
  const worthwhile = copies.filter(([, copy]) => copy.length < size * 0.9);
  for (const [name, copy] of worthwhile) {
    writeFileSync(name, copy);
  }
  return worthwhile.map(([name]) => name);
}

export function precompress(): Plugin {
  let folder = 'dist';
  return {
    name: 'troupe-precompress',
    apply: 'build',
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        for (const path of [...filesBelow(folder)]) {
          compressFile(path);
        }
      },
    },
  };
}
