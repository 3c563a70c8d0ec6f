// SPDX-License-Identifier: GPL-3.0-or-later
// Puts docs/operating.md beside the page, as plain text, so that administrators have it where they need it.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const id = 'virtual:operating-guide';
const resolved = `\0${id}`;
const file = fileURLToPath(new URL('../../docs/operating.md', import.meta.url));

export function guide(): Plugin {
  let isBuild = false;
  return {
    name: 'troupe-guide',
    configResolved(config) {
      isBuild = config.command === 'build';
    },
    resolveId: (name) => (name === id ? resolved : null),
    load(name) {
      if (name !== resolved) {
        return null;
      }
      if (!isBuild) {
        return `export default ${JSON.stringify(`/@fs${file}`)};`;
      }
      const asset = this.emitFile({ type: 'asset', name: 'operating.txt', source: readFileSync(file) });
      return `export default import.meta.ROLLUP_FILE_URL_${asset};`;
    },
  };
}
