// SPDX-License-Identifier: GPL-3.0-or-later
// How many watch, as a button that says how they are counted: by touch, from the keyboard, to a screen reader.
import { useId, useState, type ReactNode } from 'react';
import { useTexts } from '../i18n/context';
import { InfoIcon, PeopleIcon } from './icons';

interface Props {
  viewers: number;
  /** What is drawn of the number. */
  children: ReactNode;
  testId: string;
}

export function Audience({ viewers, children, testId }: Props) {
  const { t, plural, language } = useTexts();
  const [open, setOpen] = useState(false);
  const id = useId();
  const count = plural('viewers', viewers, { count: viewers.toLocaleString(language) });
  const closeOn = (key: string) => key === 'Escape' && setOpen(false);
  return (
    <>
      <button
        type="button"
        className="audience"
        aria-label={t('viewers.ask', { viewers: count })}
        aria-expanded={open}
        aria-controls={id}
        data-testid={testId}
        data-viewers={viewers}
        onClick={() => setOpen(!open)}
        onKeyDown={({ key }) => closeOn(key)}
      >
        <PeopleIcon />
        {children}
        <InfoIcon />
      </button>
      {/* Always there, so that what comes into it is spoken. */}
      <p id={id} className="audience-how" role="status" data-testid={`${testId}-how`}>
        {open && t('viewers.how')}
      </p>
    </>
  );
}
