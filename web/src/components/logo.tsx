// SPDX-License-Identifier: GPL-3.0-or-later
// The wordmark: six letters standing on a stage line, the "o" in the light. Drawn, so it looks the
// same on every machine and needs no font.

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 141 44" role="img" aria-label="Troupe">
      <circle className="logo-lamp" cx="50" cy="23" r="8.4" />
      <g className="logo-letters">
        <path d="M9 6v19q0 7 7 7M3 14.5h12.5" />
        <path d="M25 32V14.5M25 22q1-7.5 10-7.5" />
        <path d="M68 14.5V25a7 7 0 0 0 14 0V14.5M82 25v7" />
        <path d="M92 14.5V42M92 23.2a8.5 8.5 0 1 1 0 .2" />
        <path d="M118.5 23.2H135a8.4 8.4 0 1 0-2.6 6.3" />
      </g>
    </svg>
  );
}
