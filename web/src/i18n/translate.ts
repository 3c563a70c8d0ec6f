// SPDX-License-Identifier: GPL-3.0-or-later
// Looking texts up. Which language: the one chosen here before, else the browser's first that we have.
import { en } from './en';
import { ja } from './ja';

export type Language = 'en' | 'ja';
export type TextKey = keyof typeof en;
export type Values = Record<string, string | number>;
/** Keys that exist as KEY_one and KEY_other. */
export type PluralKey = TextKey extends infer K ? (K extends `${infer Base}_other` ? Base : never) : never;

export const languages: { code: Language; name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'ja', name: '日本語' },
];

export const dictionaries: Record<Language, Record<TextKey, string>> = { en, ja };
export const languageKey = 'troupe.language';

export function chooseLanguage(saved: string | null, wanted: readonly string[]): Language {
  const isKnown = (code: string | undefined): code is Language => code === 'en' || code === 'ja';
  if (isKnown(saved ?? undefined)) {
    return saved as Language;
  }
  return wanted.map((tag) => tag.toLowerCase().split('-')[0]).find(isKnown) ?? 'en';
}

export function fill(text: string, values: Values = {}): string {
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => String(values[name] ?? hole));
}

export function translate(language: Language, key: TextKey, values?: Values): string {
  return fill(dictionaries[language][key], values);
}

export function translatePlural(language: Language, key: PluralKey, count: number, values?: Values): string {
  const form = new Intl.PluralRules(language).select(count) === 'one' ? 'one' : 'other';
  return translate(language, `${key}_${form}`, values);
}

/** The sentence for an error code of the server; unknown codes name themselves. */
export function errorText(language: Language, code: string): string {
  const key = `error.${code}`;
  if (key in en) {
    return translate(language, key as TextKey);
  }
  // "invalid_token" and its kin all mean the same to a person.
  if (['invalid_token', 'token_expired', 'invalid_grant', 'http_401'].includes(code)) {
    return translate(language, 'error.unauthenticated');
  }
  if (['http_502', 'http_503', 'http_504', 'deadline_exceeded'].includes(code)) {
    return translate(language, 'error.unavailable');
  }
  return translate(language, 'error.unknown', { code });
}

/** Why a message was refused. */
export function chatErrorText(language: Language, code: string): string {
  const key = `chat_error.${code}`;
  return key in en ? translate(language, key as TextKey) : errorText(language, code);
}
