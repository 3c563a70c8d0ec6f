// SPDX-License-Identifier: GPL-3.0-or-later
// What moderators did: who, what, when, why.
import type { LogEntry, RoomApi } from '../api/room';
import { useTexts } from '../i18n/context';
import type { TextKey } from '../i18n/translate';
import { logFacts, wordChanges } from './log_facts';
import { Name } from './message_row';
import { Listing, More, usePages } from './moderation_lists';

export function Log({ calls }: { calls: RoomApi }) {
  const { t, language } = useTexts();
  const { items, next, more, working, code } = usePages<LogEntry>(calls.log);
  return (
    <>
      <Listing code={code} count={items?.length ?? null} none="mod.log_none">
        {items?.map((entry) => (
          <li key={entry.log_id} data-testid="log-entry" data-action={entry.action}>
            <p>
              <LogLine entry={entry} />
            </p>
            {entry.message && (
              <p>
                <q>{entry.message}</q>
              </p>
            )}
            {wordChanges(entry.details, t).length > 0 && (
              <ul className="mod-changes" data-testid="log-words">
                {wordChanges(entry.details, t).map((change) => (
                  <li key={change}>{change}</li>
                ))}
              </ul>
            )}
            {entry.reason && <p data-testid="log-reason">{t('log.reason', { reason: entry.reason })}</p>}
            <p className="hint">
              <time dateTime={entry.created_at}>{new Date(entry.created_at).toLocaleString(language)}</time>
              {logFacts(entry.action, entry.details, t).map((fact) => ` · ${fact}`)}
            </p>
          </li>
        ))}
      </Listing>
      <More next={next} more={more} working={working} />
    </>
  );
}

const actionTexts: Record<string, TextKey> = {
  delete: 'log.delete',
  ban: 'log.ban',
  timeout: 'log.time_out',
  time_out: 'log.time_out',
  unban: 'log.unban',
  mode: 'log.mode',
  words: 'log.words',
  allow: 'log.allow',
  deny: 'log.deny',
  appoint: 'log.appoint',
  dismiss: 'log.dismiss',
};

function LogLine({ entry }: { entry: LogEntry }) {
  const { t } = useTexts();
  if (entry.action === 'delete' && entry.by && entry.user?.user_id === entry.by.user_id) {
    return (
      <>
        <Name person={entry.by} /> {t('log.delete_own')}
      </>
    );
  }
  const key = actionTexts[entry.action];
  return (
    <>
      {/* What a newer server does is named in its own word. */}
      {entry.by ? <Name person={entry.by} /> : t('log.somebody')} {key ? t(key) : entry.action} {entry.user && <Name person={entry.user} />}
    </>
  );
}
