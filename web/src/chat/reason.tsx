// SPDX-License-Identifier: GPL-3.0-or-later
// Why a moderator does something: optional, and kept in the log.
import { useId } from 'react';
import { longestReason } from '../api/room';

interface Props {
  label: string;
  hint?: string | undefined;
  value: string;
  onChange: (reason: string) => void;
  testId: string;
}

export function ReasonField({ label, hint, value, onChange, testId }: Props) {
  const id = useId();
  return (
    <div className="mod-reason">
      <label htmlFor={id}>{label}</label>
      <input id={id} value={value} maxLength={longestReason} autoComplete="off" aria-describedby={hint ? `${id}h` : undefined} data-testid={testId} onChange={(event) => onChange(event.target.value)} />
      {hint && (
        <p className="hint" id={`${id}h`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What the drawer's reason is to the parts of it that do something. */
export interface Why {
  reason: string;
  /** It went with something that was done: the next has another. */
  used: () => void;
}
