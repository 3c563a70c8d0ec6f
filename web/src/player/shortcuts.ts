// SPDX-License-Identifier: GPL-3.0-or-later
// Which key does what. A pure function, so that the list in the help and the player agree.

export type Action =
  | 'play'
  | 'mute'
  | 'fullscreen'
  | 'louder'
  | 'quieter'
  | 'back'
  | 'forward'
  | 'live'
  | 'help';

interface KeyPress {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** What a control already does with a key stays its own: typing, pressing, moving a slider. */
export interface Focused {
  tag: string;
  type: string;
  role: string | null;
  editable: boolean;
}

const byKey: Record<string, Action> = {
  ' ': 'play',
  k: 'play',
  m: 'mute',
  f: 'fullscreen',
  arrowup: 'louder',
  arrowdown: 'quieter',
  arrowleft: 'back',
  arrowright: 'forward',
  l: 'live',
  '?': 'help',
};

export function actionFor(press: KeyPress, focused: Focused | null): Action | null {
  if (press.ctrlKey || press.metaKey || press.altKey) {
    return null;
  }
  const action = byKey[press.key.toLowerCase()] ?? null;
  if (!focused || action === null) {
    return action;
  }
  const isSlider = focused.tag === 'INPUT' && focused.type === 'range';
  if (focused.editable || focused.tag === 'TEXTAREA' || focused.tag === 'SELECT') {
    return null;
  }
  if (focused.tag === 'INPUT' && !isSlider) {
    return null;
  }
  const isArrow = press.key.startsWith('Arrow');
  if (isArrow && (isSlider || focused.role?.startsWith('menuitem'))) {
    return null;
  }
  const pressable = focused.tag === 'BUTTON' || focused.tag === 'A' || focused.tag === 'SUMMARY';
  return press.key === ' ' && pressable ? null : action;
}

export function focusedElement(): Focused | null {
  const element = document.activeElement;
  if (!(element instanceof HTMLElement) || element === document.body) {
    return null;
  }
  return {
    tag: element.tagName,
    type: element.getAttribute('type') ?? '',
    role: element.getAttribute('role'),
    editable: element.isContentEditable,
  };
}
