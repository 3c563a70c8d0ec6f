// SPDX-License-Identifier: GPL-3.0-or-later
// What stands in a message: plain text, links, mentions. Links are recognised, never fetched.

export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'mention'; text: string; isMe: boolean };

/** The room's limit, in code points. */
export const longestMessage = 500;

// http and https only: nothing else becomes something to click.
const linkPattern = /https?:\/\/[^\s<>"'`\u3000-\u303f\uff00-\uff0f]+/giu;
// A name as the server allows it; what stands before decides whether it is inside a word or an address.
// (No look-behind: Safari knows it from 16.4 on only.)
const mentionPattern = /@(\w{1,24})(?!\w)/gu;
const insideWord = /[\w@./]$/u;

/** Without what usually ends the sentence and not the address. */
function trimmedLink(link: string): string {
  let text = link.replace(/[.,:;!?…]+$/u, '');
  while (text.endsWith(')') && text.split('(').length < text.split(')').length) {
    text = text.slice(0, -1).replace(/[.,:;!?…]+$/u, '');
  }
  return text;
}

function addressOf(text: string): string | null {
  try {
    const url = new URL(text);
    const isPlain = (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname !== '' && url.username === '';
    return isPlain ? url.href : null;
  } catch {
    return null;
  }
}

function mentionsIn(text: string, me: string | null): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(mentionPattern)) {
    if (insideWord.test(text.slice(0, match.index))) {
      continue;
    }
    if (match.index > from) {
      pieces.push({ kind: 'text', text: text.slice(from, match.index) });
    }
    const isMe = me !== null && match[1]?.toLowerCase() === me.toLowerCase();
    pieces.push({ kind: 'mention', text: match[0], isMe });
    from = match.index + match[0].length;
  }
  if (from < text.length) {
    pieces.push({ kind: 'text', text: text.slice(from) });
  }
  return pieces;
}

export function piecesOf(text: string, me: string | null): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(linkPattern)) {
    const shown = trimmedLink(match[0]);
    const href = addressOf(shown);
    if (href === null) {
      continue;
    }
    pieces.push(...mentionsIn(text.slice(from, match.index), me));
    pieces.push({ kind: 'link', text: shown, href });
    from = match.index + shown.length;
  }
  pieces.push(...mentionsIn(text.slice(from), me));
  return pieces;
}

export function mentions(text: string, me: string | null): boolean {
  return me !== null && piecesOf(text, me).some((piece) => piece.kind === 'mention' && piece.isMe);
}

/** After NFC, as the server counts. */
export function codePoints(text: string): number {
  return [...text.normalize('NFC')].length;
}

/** What can be said in one line: line breaks and other control characters become spaces. */
export function asOneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, ' ');
}

export const nameColours = 16;

/** The same colour for a person everywhere; neighbouring ids differ. */
export function colourOf(userId: number): number {
  let value = 0x811c9dc5;
  for (const digit of String(userId)) {
    value = Math.imul(value ^ digit.charCodeAt(0), 0x01000193) >>> 0;
  }
  // Ids that follow one another differ in their last digit only: murmur3's finish spreads that.
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b) >>> 0;
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35) >>> 0;
  return ((value ^ (value >>> 16)) >>> 0) % nameColours;
}
