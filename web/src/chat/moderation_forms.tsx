// SPDX-License-Identifier: GPL-3.0-or-later
// Who may speak how often, and which words may not be said.
import { useEffect, useState, type FormEvent } from 'react';
import type { RoomApi, WordAction, WordRule } from '../api/room';
import { CloseIcon } from '../components/icons';
import { Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import type { Mode } from './protocol';
import type { Why } from './reason';
import { duration } from './time';
import { useCall } from './use_call';

const slowChoices = [0, 3, 5, 10, 30, 60, 120, 300, 600, 3600];
const ageChoices = [0, 600, 3600, 86_400, 604_800, 2_592_000, 7_776_000];
// docs/chat-protocol.md, words
const mostWords = 500;
const longestWord = 64;

export function ModeEditor({ mode, calls, why }: { mode: Mode; calls: RoomApi; why: Why }) {
  const { t, errorText } = useTexts();
  const { working, code, run } = useCall();
  const set = (change: Partial<Mode>) => void run(() => calls.setMode(change, why.reason).then(why.used));
  const age = mode.followers_only_min_age_s;
  return (
    <div className="mod-form">
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      <label>
        <span>{t('mod.slow')}</span>
        <select value={mode.slow_mode_s} disabled={working} data-testid="mode-slow" onChange={(event) => set({ slow_mode_s: Number(event.target.value) })}>
          {withCurrent(slowChoices, mode.slow_mode_s).map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0 ? t('mod.off') : t('mod.every', { time: duration(seconds, t) })}
            </option>
          ))}
        </select>
        <span className="hint">{t('mod.slow_hint')}</span>
      </label>
      <label>
        <span>{t('mod.followers')}</span>
        <select
          value={age ?? 'off'}
          disabled={working}
          data-testid="mode-followers"
          onChange={({ target: { value } }) => set({ followers_only_min_age_s: value === 'off' ? null : Number(value) })}
        >
          <option value="off">{t('mod.off')}</option>
          {withCurrent(ageChoices, age ?? 0).map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0 ? t('mod.any_follower') : t('mod.follower_for', { time: duration(seconds, t) })}
            </option>
          ))}
        </select>
        <span className="hint">{t('mod.followers_hint')}</span>
      </label>
    </div>
  );
}

/** What an API client has set may stand between our choices. */
function withCurrent(choices: number[], current: number): number[] {
  return choices.includes(current) ? choices : [...choices, current].sort((a, b) => a - b);
}

const wordActions: WordAction[] = ['refuse', 'mask', 'hold'];

export function WordsEditor({ calls, why }: { calls: RoomApi; why: Why }) {
  const { t, errorText } = useTexts();
  const [words, setWords] = useState<WordRule[] | null>(null);
  const [word, setWord] = useState('');
  const [action, setAction] = useState<WordAction>('refuse');
  const { working, code, run } = useCall();
  useEffect(() => void run(async () => setWords((await calls.words()).words)), [calls, run]);

  const save = (next: WordRule[]) =>
    run(async () => {
      await calls.setWords(next, why.reason);
      why.used();
      setWords(next);
    });
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const added = word.trim();
    if (added === '' || words === null) {
      return;
    }
    const rest = words.filter((rule) => rule.word.toLowerCase() !== added.toLowerCase());
    if (await save([...rest, { word: added, action }])) {
      setWord('');
    }
  };
  return (
    <div className="mod-form">
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      <p className="hint">{t('mod.words_hint')}</p>
      <form className="mod-add" onSubmit={(event) => void add(event)}>
        <input aria-label={t('mod.word')} placeholder={t('mod.word')} value={word} maxLength={longestWord} data-testid="word" onChange={(event) => setWord(event.target.value)} />
        <ActionChoice value={action} label={t('mod.word_action')} choose={setAction} />
        <button type="submit" className="button button-small" disabled={working || word.trim() === '' || (words?.length ?? 0) >= mostWords} data-testid="word-add">
          {t('mod.add')}
        </button>
      </form>
      {words?.length === 0 && <p className="hint">{t('mod.words_none')}</p>}
      <ul className="mod-words">
        {words?.map((rule) => (
          <li key={rule.word} data-testid="word-rule" data-word={rule.word}>
            <bdi>{rule.word}</bdi>
            <ActionChoice value={rule.action} label={t('mod.action_for', { word: rule.word })} choose={(chosen) => void save(words.map((other) => (other === rule ? { ...rule, action: chosen } : other)))} />
            <button type="button" className="chat-discard" disabled={working} aria-label={t('mod.remove_word', { word: rule.word })} onClick={() => void save(words.filter((other) => other !== rule))}>
              <CloseIcon />
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function ActionChoice({ value, label, choose }: { value: WordAction; label: string; choose: (action: WordAction) => void }) {
  const { t } = useTexts();
  return (
    <select aria-label={label} value={value} onChange={(event) => choose(event.target.value as WordAction)}>
      {wordActions.map((action) => (
        <option key={action} value={action}>
          {t(`mod.action_${action}`)}
        </option>
      ))}
    </select>
  );
}
