// SPDX-License-Identifier: GPL-3.0-or-later
// Fails the build when index.html holds what the server's Content-Security-Policy forbids.
import type { Plugin } from 'vite';

export function inlineCodeIn(html: string): string[] {
  const found: string[] = [];
  for (const [tag] of html.matchAll(/<script\b[^>]*>/gi)) {
    if (!/\bsrc\s*=/i.test(tag)) {
      found.push(tag);
    }
  }
  for (const [tag] of html.matchAll(/<style\b[^>]*>|<[a-z][^>]*\s(?:style|on[a-z]+)\s*=[^>]*>/gi)) {
    found.push(tag);
  }
  for (const [tag] of html.matchAll(/<(?:script|link|img)\b[^>]*(?:src|href)\s*=\s*["']?(?:https?:)?\/\/[^>]*>/gi)) {
    found.push(tag);
  }
  return found;
}

export function refuseInlineCode(): Plugin {
  return {
    name: 'troupe-refuse-inline-code',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(html) {
        const found = inlineCodeIn(html);
        if (found.length > 0) {
          throw new Error(`the Content-Security-Policy forbids in index.html: ${found.join(' ')}`);
        }
      },
    },
  };
}
