// SPDX-License-Identifier: GPL-3.0-or-later
// Deletes a message and says why. It stands above the field, where it stays while the list moves on.
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { longestReason } from '../api/room';
import { CloseIcon, TrashIcon } from '../components/icons';
import { useTexts } from '../i18n/context';
import type { MessageEvent } from './protocol';

interface Props {
  message: MessageEvent;
  remove: (message: MessageEvent, reason: string) => void;
  close: () => void;
}

export function DeleteForm({ message, remove, close }: Props) {
  const { t } = useTexts();
  const [reason, setReason] = useState('');
  const frame = useRef<HTMLFormElement>(null);

  // The line it was asked from may be gone afterwards: then the list has the focus.
  useEffect(() => {
    const before = document.activeElement;
    const list = frame.current?.closest('.room')?.querySelector<HTMLElement>('.chat-list');
    frame.current?.querySelector('input')?.focus();
    return () => {
      const back = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : list;
      back?.focus({ preventScroll: true });
    };
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    remove(message, reason);
    close();
  };
  return (
    <form
      ref={frame}
      className="chat-delete"
      aria-label={t('chat.delete_of', { user: message.user.username })}
      data-testid="delete-form"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          close();
        }
      }}
    >
      <p className="chat-delete-what">
        <TrashIcon />
        <span>
          <bdi>{message.user.username}</bdi>: <bdi>{message.message}</bdi>
        </span>
        <button type="button" className="chat-discard" aria-label={t('chat.keep')} title={t('chat.keep')} data-testid="delete-keep" onClick={close}>
          <CloseIcon />
        </button>
      </p>
      <div className="chat-delete-why">
        <input aria-label={t('mod.reason')} placeholder={t('mod.reason')} value={reason} maxLength={longestReason} autoComplete="off" enterKeyHint="done" data-testid="delete-reason" onChange={(event) => setReason(event.target.value)} />
        <button type="submit" className="button button-danger button-small" data-testid="delete-confirm">
          {t('chat.delete')}
        </button>
      </div>
    </form>
  );
}
