// SPDX-License-Identifier: GPL-3.0-or-later
// localStorage that never throws: it can be switched off, or full.

export function readSetting(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function writeSetting(key: string, value: string): void {
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // The choice lasts as long as this page.
  }
}
