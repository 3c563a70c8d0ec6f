// SPDX-License-Identifier: GPL-3.0-or-later
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  chooseLanguage,
  dictionaries,
  errorText,
  fill,
  translatePlural,
  type Language,
  type TextKey,
} from '../src/i18n/translate';

const keys = Object.keys(dictionaries.en) as TextKey[];
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.name === 'i18n' ? '' : entry.isDirectory() ? sources(path) : /\.tsx?$/.test(path) ? readFileSync(path, 'utf8') : '';
    })
    .join('\n');
}

describe('texts', () => {
  it.each(Object.keys(dictionaries) as Language[])('%s has every text, none empty', (language) => {
    expect(Object.keys(dictionaries[language]).sort()).toEqual([...keys].sort());
    expect(keys.filter((key) => dictionaries[language][key].trim() === '')).toEqual([]);
  });

  it('has the same values in every language', () => {
    const different = keys.filter(
      (key) => holes(dictionaries.en[key]).join() !== holes(dictionaries.ja[key]).join(),
    );
    expect(different).toEqual([]);
  });

  it('is Japanese in Japanese', () => {
    const latin = keys.filter((key) => !/[\u3040-\u30ff\u4e00-\u9fff]/.test(dictionaries.ja[key]));
    expect(latin).toEqual([]);
  });

  it('holds no text that no page uses', () => {
    const code = sources(new URL('../src', import.meta.url).pathname);
    // Made of a prefix and a value in the code.
    const families = /^(error|chat_error|problem|role|status|warning)\.|^mod\.action_|_(one|other)$/;
    expect(keys.filter((key) => !families.test(key) && !code.includes(`'${key}'`) && !code.includes(`"${key}"`))).toEqual([]);
  });

  it('fills values in and leaves unknown holes visible', () => {
    expect(fill('{user} and {other}', { user: 'Mika' })).toBe('Mika and {other}');
    expect(fill('{n}', { n: 0 })).toBe('0');
  });

  it('chooses plural forms by language', () => {
    expect(translatePlural('en', 'viewers', 1, { count: 1 })).toBe('1 viewer');
    expect(translatePlural('en', 'viewers', 0, { count: 0 })).toBe('0 viewers');
    expect(translatePlural('ja', 'viewers', 1, { count: 1 })).toBe('1 人が視聴中');
  });

  it('chooses the saved language, else the first of the browser that it knows', () => {
    expect(chooseLanguage('ja', ['en-GB'])).toBe('ja');
    expect(chooseLanguage(null, ['fr-FR', 'ja-JP', 'en'])).toBe('ja');
    expect(chooseLanguage('klingon', ['de'])).toBe('en');
    expect(chooseLanguage(null, [])).toBe('en');
  });

  it('has a sentence for known error codes and names unknown ones', () => {
    expect(errorText('en', 'username_taken')).toBe('This name is taken. Please choose another.');
    expect(errorText('ja', 'token_expired')).toBe(dictionaries.ja['error.unauthenticated']);
    expect(errorText('en', 'http_503')).toBe(dictionaries.en['error.unavailable']);
    expect(errorText('en', 'teapot')).toBe('That did not work (teapot).');
  });
});
