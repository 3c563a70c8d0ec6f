// SPDX-License-Identifier: GPL-3.0-or-later
// Server address and stream key. The key is in the page only while it is shown.
import { useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { api } from '../api/session';
import type { StreamKey } from '../api/types';
import { CheckIcon, CopyIcon, EyeIcon, EyeOffIcon } from '../components/icons';
import { Confirm, Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import { copyText } from '../lib/clipboard';

const retryAfter = 4000;
const copiedFor = 2000;

export function KeyPanel() {
  const { t, errorText } = useTexts();
  const [key, setKey] = useState<StreamKey | null>(null);
  const [shown, setShown] = useState(false);
  const [asking, setAsking] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const [rotated, setRotated] = useState(false);
  const [copyFailed, setCopyFailed] = useState(false);

  useEffect(() => {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      try {
        setKey(await api.streamKey(controller.signal));
        setCode(null);
      } catch (error) {
        if (!controller.signal.aborted) {
          setCode(error instanceof ApiError ? error.code : 'network');
          timer = setTimeout(load, retryAfter);
        }
      }
    };
    void load();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }, []);

  const rotate = async () => {
    setCode(null);
    setRotated(false);
    try {
      setKey(await api.rotateStreamKey());
      setRotated(true);
    } catch (error) {
      setCode(error instanceof ApiError ? error.code : 'network');
    }
  };

  return (
    <section className="panel" aria-labelledby="connection-title">
      <h2 id="connection-title">{t('live.connection_title')}</h2>
      <Secret id="server" label={t('live.server')} value={key?.ingest_url ?? ''} shown copyLabel={t('live.copy_server')} onCopyFailed={setCopyFailed} />
      <Secret
        id="stream-key"
        label={t('live.key')}
        value={key?.stream_key ?? ''}
        shown={shown}
        setShown={setShown}
        copyLabel={t('live.copy_key')}
        onCopyFailed={setCopyFailed}
      />
      <p className="hint">{t('live.key_secret')}</p>
      {copyFailed && <Notice kind="error">{t('live.copy_failed')}</Notice>}
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      {rotated && <Notice kind="good">{t('live.rotated')}</Notice>}
      <button type="button" className="link-button" data-testid="rotate" disabled={!key} onClick={() => setAsking(true)}>
        {t('live.rotate')}
      </button>
      {asking && (
        <Confirm
          question={t('live.rotate_question')}
          text={t('live.rotate_text')}
          action={t('live.rotate_confirm')}
          onClose={() => setAsking(false)}
          onConfirm={() => void rotate()}
        />
      )}
    </section>
  );
}

interface SecretProps {
  id: string;
  label: string;
  value: string;
  shown: boolean;
  setShown?: (shown: boolean) => void;
  copyLabel: string;
  onCopyFailed: (failed: boolean) => void;
}

function Secret({ id, label, value, shown, setShown, copyLabel, onCopyFailed }: SecretProps) {
  const { t } = useTexts();
  const [copied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  const copy = async () => {
    const ok = await copyText(value);
    onCopyFailed(!ok);
    setCopied(ok);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), copiedFor);
  };
  return (
    <div className="secret">
      <label htmlFor={id}>{label}</label>
      <div className="secret-box">
        <input
          id={id}
          data-testid={id}
          readOnly
          autoComplete="off"
          spellCheck={false}
          // Hidden means not in the document at all, only as many dots as any key has.
          value={shown ? value : value && '•'.repeat(24)}
          onFocus={(event) => shown && event.target.select()}
        />
        {setShown && (
          <button
            type="button"
            className="button button-quiet button-small"
            data-testid="show-key"
            aria-pressed={shown}
            aria-label={t(shown ? 'live.key_hide_label' : 'live.key_show_label')}
            disabled={value === ''}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOffIcon /> : <EyeIcon />}
            {t(shown ? 'live.key_hide' : 'live.key_show')}
          </button>
        )}
        <button
          type="button"
          className="button button-quiet button-small"
          data-testid={`copy-${id}`}
          aria-label={copyLabel}
          disabled={value === ''}
          onClick={() => void copy()}
        >
          {copied ? <CheckIcon /> : <CopyIcon />}
          <span role="status">{t(copied ? 'live.copied' : 'live.copy')}</span>
        </button>
      </div>
    </div>
  );
}
