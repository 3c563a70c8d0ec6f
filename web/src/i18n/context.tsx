// SPDX-License-Identifier: GPL-3.0-or-later
// The language of the page, for every component.
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import {
  chatErrorText,
  chooseLanguage,
  errorText,
  languageKey,
  translate,
  translatePlural,
  type Language,
  type PluralKey,
  type TextKey,
  type Values,
} from './translate';
import { readSetting, writeSetting } from '../lib/settings';

interface Texts {
  language: Language;
  setLanguage: (language: Language) => void;
  t: (key: TextKey, values?: Values) => string;
  plural: (key: PluralKey, count: number, values?: Values) => string;
  errorText: (code: string) => string;
  chatError: (code: string) => string;
}

const TextsContext = createContext<Texts | null>(null);

export function useTexts(): Texts {
  const texts = useContext(TextsContext);
  if (!texts) {
    throw new Error('useTexts outside of TextsProvider');
  }
  return texts;
}

export function TextsProvider({ children }: { children: ReactNode }) {
  const [language, setState] = useState<Language>(() =>
    chooseLanguage(readSetting(languageKey), navigator.languages ?? [navigator.language]),
  );
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const setLanguage = useCallback((next: Language) => {
    writeSetting(languageKey, next);
    setState(next);
  }, []);
  const texts = useMemo<Texts>(
    () => ({
      language,
      setLanguage,
      t: (key, values) => translate(language, key, values),
      plural: (key, count, values) => translatePlural(language, key, count, values),
      errorText: (code) => errorText(language, code),
      chatError: (code) => chatErrorText(language, code),
    }),
    [language, setLanguage],
  );
  return <TextsContext.Provider value={texts}>{children}</TextsContext.Provider>;
}

/** Sets the tab's title while a page is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'Troupe' : `${title} · Troupe`;
  }, [title]);
}
