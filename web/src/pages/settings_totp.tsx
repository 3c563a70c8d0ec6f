// SPDX-License-Identifier: GPL-3.0-or-later
// The second step of log-in: turning it on with an authenticator app, its recovery codes, turning it off.
import { useCallback, useEffect, useState, type FormEvent } from 'react';
import { accountApi, type SecondFactorState } from '../api/account';
import { api } from '../api/session';
import { QrCode } from '../components/qr_code';
import { Field, Notice } from '../components/ui';
import { useTexts } from '../i18n/context';
import { copyText } from '../lib/clipboard';
import { CodeField, Panel, useProof } from './settings_parts';

export function SecondFactor() {
  const { t, plural } = useTexts();
  const [state, setState] = useState<SecondFactorState | null>(null);
  const [codes, setCodes] = useState<string[] | null>(null);
  const [off, setOff] = useState(false);
  const learn = useCallback(() => {
    accountApi.secondFactor().then(setState, () => undefined);
  }, []);
  useEffect(learn, [learn]);

  const shown = (fresh: string[]) => {
    setCodes(fresh);
    setOff(false);
    learn();
  };
  return (
    <Panel id="settings-totp" title="settings.totp_title">
      {codes !== null && <RecoveryCodes codes={codes} onKept={() => setCodes(null)} />}
      {off && <Notice kind="good">{t('settings.totp_disabled')}</Notice>}
      {codes === null && state?.is_enabled === false && <Enrolment onCodes={shown} />}
      {codes === null && state?.is_enabled && (
        <>
          <p>
            {t('settings.totp_on')}{' '}
            <span data-testid="codes-left" data-left={state.recovery_codes_left}>
              {plural('settings.totp_left', state.recovery_codes_left, { count: state.recovery_codes_left })}
            </span>
          </p>
          <EnabledForms
            onCodes={shown}
            onDisabled={() => {
              setOff(true);
              learn();
            }}
          />
        </>
      )}
    </Panel>
  );
}

function Enrolment({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t, errorText } = useTexts();
  const proof = useProof();
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null);
  const begin = (event: FormEvent) => {
    event.preventDefault();
    void proof.run(async () => setSecret(await accountApi.enrol(proof.password)));
  };
  const confirm = (event: FormEvent) => {
    event.preventDefault();
    void proof.run(async (otp) => {
      const codes = await api.confirmSecondFactor(otp ?? '');
      setSecret(null);
      onCodes(codes);
    });
  };
  if (secret === null) {
    return (
      <form onSubmit={begin}>
        <p className="hint">{t('settings.totp_off')}</p>
        <Field label={t('settings.password_old')} name="totp-password" type="password" value={proof.password} onChange={proof.setPassword} error={proof.code === 'wrong_password' ? errorText(proof.code) : null} autoComplete="current-password" maxLength={128} required />
        {proof.code && proof.code !== 'wrong_password' && <Notice kind="error">{errorText(proof.code)}</Notice>}
        <div className="button-row">
          <button type="submit" className="button" disabled={proof.working} data-testid="totp-begin">
            {t('settings.totp_begin')}
          </button>
        </div>
      </form>
    );
  }
  return (
    <form onSubmit={confirm}>
      <p>{t('settings.totp_scan')}</p>
      <QrCode text={secret.uri} label={t('settings.totp_qr')} />
      <p className="totp-key">
        <span>{t('settings.totp_key')}</span> <code data-testid="totp-secret">{secret.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
      </p>
      <CodeField value={proof.otp} onChange={proof.setOtp} error={proof.code === 'invalid_otp' ? errorText(proof.code) : null} hint="settings.code_hint_first" autoFocus />
      {proof.code && proof.code !== 'invalid_otp' && <Notice kind="error">{errorText(proof.code)}</Notice>}
      <div className="button-row">
        <button type="submit" className="button" disabled={proof.working} data-testid="totp-confirm">
          {t('settings.totp_confirm')}
        </button>
      </div>
    </form>
  );
}

function EnabledForms({ onCodes, onDisabled }: { onCodes: (codes: string[]) => void; onDisabled: () => void }) {
  const { t, errorText } = useTexts();
  const proof = useProof();
  const isField = proof.code === 'wrong_password' || proof.code === 'invalid_otp';
  const disable = () =>
    void proof.run(async (otp) => {
      await accountApi.disable(proof.password, otp);
      onDisabled();
    });
  const renew = (event: FormEvent) => {
    event.preventDefault();
    void proof.run(async (otp) => onCodes((await accountApi.newRecoveryCodes(proof.password, otp)).recovery_codes));
  };
  return (
    <form onSubmit={renew}>
      <Field label={t('settings.password_old')} name="totp-password" type="password" value={proof.password} onChange={proof.setPassword} error={proof.code === 'wrong_password' ? errorText(proof.code) : null} autoComplete="current-password" maxLength={128} required />
      <CodeField value={proof.otp} onChange={proof.setOtp} error={proof.code === 'invalid_otp' ? errorText(proof.code) : null} />
      {proof.code && !isField && <Notice kind="error">{errorText(proof.code)}</Notice>}
      <div className="button-row">
        <button type="submit" className="button button-quiet" disabled={proof.working} data-testid="totp-codes">
          {t('settings.totp_new_codes')}
        </button>
        <button type="button" className="button button-danger-quiet" disabled={proof.working || proof.password === ''} data-testid="totp-disable" onClick={disable}>
          {t('settings.totp_disable')}
        </button>
      </div>
    </form>
  );
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const { t } = useTexts();
  const [copied, setCopied] = useState<boolean | null>(null);
  const download = () => {
    const address = URL.createObjectURL(new Blob([`${codes.join('\n')}\n`], { type: 'text/plain' }));
    const link = document.createElement('a');
    link.href = address;
    link.download = 'troupe-recovery-codes.txt';
    link.click();
    URL.revokeObjectURL(address);
  };
  return (
    <div className="codes" data-testid="recovery-codes">
      <h3>{t('settings.codes_title')}</h3>
      <p>{t('settings.codes_text')}</p>
      <ol>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      {copied === true && <Notice kind="good">{t('live.copied')}</Notice>}
      {copied === false && <Notice kind="error">{t('live.copy_failed')}</Notice>}
      <div className="button-row">
        <button type="button" className="button button-quiet" data-testid="codes-copy" onClick={() => void copyText(codes.join('\n')).then(setCopied)}>
          {t('settings.codes_copy')}
        </button>
        <button type="button" className="button button-quiet" data-testid="codes-download" onClick={download}>
          {t('settings.codes_download')}
        </button>
        <button type="button" className="button" data-testid="codes-kept" onClick={onKept}>
          {t('settings.codes_kept')}
        </button>
      </div>
    </div>
  );
}
