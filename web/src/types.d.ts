// SPDX-License-Identifier: GPL-3.0-or-later
// hls.js ships types for its full build only; the light one (no subtitles, no DRM) has the same.
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
