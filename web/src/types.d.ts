// SPDX-License-Identifier: GPL-3.0-or-later
// hls.js ships types for its full build only; the light one (no subtitles, no DRM) has the same.
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}

// The address of docs/operating.md as text; see build_tools/guide.ts.
declare module 'virtual:operating-guide' {
  const address: string;
  export default address;
}
