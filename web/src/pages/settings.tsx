// SPDX-License-Identifier: GPL-3.0-or-later
// One's own account: mail, password, second step, log-out everywhere.
import { useState, type FormEvent } from 'react';
import { accountApi } from '../api/account';
import { ApiError } from '../api/client';
import { api, useSession } from '../api/session';
import { GhostLight } from '../components/poster';
import { Confirm, Field, Notice } from '../components/ui';
import { useTexts, useTitle } from '../i18n/context';
import { Link, useNavigation } from '../router';
import { CodeField, Panel, useProof } from './settings_parts';
import { SecondFactor } from './settings_totp';

export default function SettingsPage() {
  const { t } = useTexts();
  const { state, user } = useSession();
  useTitle(t('settings.title'));
  if (state !== 'in' || !user) {
    return (
      <section className="empty">
        <GhostLight />
        <div>
          <h1>{t('settings.title')}</h1>
          {state === 'out' && (
            <>
              <p className="lead">{t('settings.log_in_first')}</p>
              <Link to="/login?next=/settings" className="button">
                {t('nav.log_in')}
              </Link>
            </>
          )}
        </div>
      </section>
    );
  }
  return (
    <div className="settings">
      <div className="studio-head">
        <h1>{t('settings.title')}</h1>
        {user.is_administrator && (
          <Link to="/cluster" className="studio-watch" data-testid="settings-cluster">
            {t('nav.cluster')}
          </Link>
        )}
        <Link to={`/c/${user.username}`} className={user.is_administrator ? undefined : 'studio-watch'} data-testid="my-channel">
          {t('settings.channel')}
        </Link>
      </div>
      <div className="settings-grid">
        <EmailForm email={user.email} />
        <PasswordForm username={user.username} />
        <SecondFactor />
        <Everywhere />
      </div>
    </div>
  );
}

const fieldOf: Record<string, string> = {
  wrong_password: 'old',
  weak_password: 'new',
  invalid_email: 'email',
  email_taken: 'email',
  invalid_otp: 'otp',
};

function EmailForm({ email }: { email: string }) {
  const { t, errorText } = useTexts();
  const proof = useProof();
  const [wanted, setWanted] = useState('');
  const errorOf = (field: string) => (proof.code && fieldOf[proof.code] === field ? errorText(proof.code) : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void proof.run(async (otp) => {
      await accountApi.changeEmail(wanted.trim(), proof.password, otp);
      setWanted('');
      api.refreshUser();
    });
  };
  return (
    <Panel id="settings-email" title="settings.email_title">
      <p className="hint">{t('settings.email_now', { email })}</p>
      <form onSubmit={submit}>
        <Field label={t('settings.email_new')} name="new-email" type="email" error={errorOf('email')} value={wanted} onChange={setWanted} autoComplete="email" maxLength={254} required />
        <Field label={t('settings.password_old')} name="email-password" type="password" error={errorOf('old')} value={proof.password} onChange={proof.setPassword} autoComplete="current-password" maxLength={128} required />
        {proof.needsCode && <CodeField value={proof.otp} onChange={proof.setOtp} error={errorOf('otp')} autoFocus />}
        {proof.code && !fieldOf[proof.code] && <Notice kind={proof.code === 'second_factor_required' ? 'good' : 'error'}>{errorText(proof.code)}</Notice>}
        {proof.done && <Notice kind="good">{t('settings.email_done')}</Notice>}
        <div className="button-row">
          <button type="submit" className="button" disabled={proof.working} data-testid="change-email">
            {t('settings.email_action')}
          </button>
        </div>
      </form>
    </Panel>
  );
}

function PasswordForm({ username }: { username: string }) {
  const { t, errorText } = useTexts();
  const proof = useProof();
  const [wanted, setWanted] = useState('');
  const errorOf = (field: string) => (proof.code && fieldOf[proof.code] === field ? errorText(proof.code) : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void proof.run(async (otp) => {
      await api.changePassword(proof.password, wanted, otp);
      setWanted('');
    });
  };
  return (
    <Panel id="settings-password" title="settings.password_title">
      <form onSubmit={submit}>
        {/* So that password managers know whose password this is. */}
        <input className="heard-only" type="text" name="username" autoComplete="username" value={username} readOnly tabIndex={-1} aria-hidden="true" />
        <Field label={t('settings.password_old')} name="old-password" type="password" error={errorOf('old')} value={proof.password} onChange={proof.setPassword} autoComplete="current-password" maxLength={128} required />
        <Field label={t('settings.password_new')} name="new-password" type="password" hint={t('account.password_hint')} error={errorOf('new')} value={wanted} onChange={setWanted} autoComplete="new-password" minLength={10} maxLength={128} required />
        {proof.needsCode && <CodeField value={proof.otp} onChange={proof.setOtp} error={errorOf('otp')} autoFocus />}
        {proof.code && !fieldOf[proof.code] && <Notice kind={proof.code === 'second_factor_required' ? 'good' : 'error'}>{errorText(proof.code)}</Notice>}
        {proof.done && <Notice kind="good">{t('settings.password_done')}</Notice>}
        <div className="button-row">
          <button type="submit" className="button" disabled={proof.working} data-testid="change-password">
            {t('settings.password_action')}
          </button>
        </div>
      </form>
    </Panel>
  );
}

function Everywhere() {
  const { t, errorText } = useTexts();
  const { navigate } = useNavigation();
  const [asking, setAsking] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const leave = async () => {
    try {
      await api.logOutEverywhere();
      navigate('/');
    } catch (error) {
      setCode(error instanceof ApiError ? error.code : 'network');
    }
  };
  return (
    <Panel id="settings-everywhere" title="settings.everywhere_title">
      <p className="hint">{t('settings.everywhere_text')}</p>
      {code && <Notice kind="error">{errorText(code)}</Notice>}
      <div className="button-row">
        <button type="button" className="button button-danger-quiet" data-testid="log-out-everywhere" onClick={() => setAsking(true)}>
          {t('settings.everywhere_action')}
        </button>
      </div>
      {asking && (
        <Confirm
          question={t('settings.everywhere_question')}
          text={t('settings.everywhere_text')}
          action={t('settings.everywhere_action')}
          onClose={() => setAsking(false)}
          onConfirm={() => void leave()}
        />
      )}
    </Panel>
  );
}
