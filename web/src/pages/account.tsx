// SPDX-License-Identifier: GPL-3.0-or-later
// Sign-up and log-in.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react';
import { ApiError } from '../api/client';
import { api, useSession } from '../api/session';
import { Poster } from '../components/poster';
import { Field, Notice } from '../components/ui';
import { useTexts, useTitle } from '../i18n/context';
import { Link, safeNext, useNavigation } from '../router';

/** Which field a refusal is about; the rest is said above the form. */
const fieldOf: Record<string, string> = {
  username_taken: 'username',
  invalid_username: 'username',
  email_taken: 'email',
  invalid_email: 'email',
  weak_password: 'password',
};

function useForm(send: () => Promise<void>) {
  const { search, navigate } = useNavigation();
  const { state } = useSession();
  const { errorText } = useTexts();
  const [working, setWorking] = useState(false);
  const [code, setCode] = useState<string | null>(null);

  // Also true for someone who opens this page while logged in.
  useEffect(() => {
    if (state === 'in') {
      navigate(safeNext(search), { replace: true });
    }
  }, [state, search, navigate]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setWorking(true);
    setCode(null);
    try {
      await send();
    } catch (error) {
      setCode(error instanceof ApiError ? error.code : 'network');
    }
    setWorking(false);
  };
  const errorOf = (field: string) => (code && fieldOf[code] === field ? errorText(code) : null);
  const general = code && !fieldOf[code] ? errorText(code) : null;
  return { submit, working, errorOf, general, code, search: search === '' ? '' : `?${search}` };
}

function AccountCard({ art, title, text, children }: { art: string; title: string; text: string; children: ReactNode }) {
  return (
    <div className="account">
      <div className="account-art" aria-hidden="true">
        <Poster name={art} tall />
      </div>
      <div className="account-form">
        <h1>{title}</h1>
        <p className="lead">{text}</p>
        {children}
      </div>
    </div>
  );
}

export function JoinPage() {
  const { t } = useTexts();
  useTitle(t('join.title'));
  const [username, setUsername] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  // A log-in that fails after the sign-up worked is tried again alone.
  const registered = useRef<string | null>(null);
  const form = useForm(async () => {
    if (registered.current !== username.trim()) {
      await api.register(username.trim(), email.trim(), password);
      registered.current = username.trim();
    }
    await api.logIn(username.trim(), password);
  });
  return (
    <AccountCard art={username || 'troupe'} title={t('join.title')} text={t('join.text')}>
      {form.general && <Notice kind="error">{form.general}</Notice>}
      <form onSubmit={(event) => void form.submit(event)} data-testid="join-form">
        <Field label={t('account.username')} name="username" hint={t('account.username_hint')} error={form.errorOf('username')} value={username} onChange={setUsername} autoComplete="username" maxLength={24} required autoFocus />
        <Field label={t('account.email')} name="email" type="email" hint={t('account.email_hint')} error={form.errorOf('email')} value={email} onChange={setEmail} autoComplete="email" maxLength={254} required />
        <Field label={t('account.password')} name="password" type="password" hint={t('account.password_hint')} error={form.errorOf('password')} value={password} onChange={setPassword} autoComplete="new-password" minLength={10} maxLength={128} required />
        <button type="submit" className="button button-full" disabled={form.working} data-testid="submit">
          {t(form.working ? 'join.working' : 'join.action')}
        </button>
      </form>
      <p className="account-other">
        {t('join.have_account')} <Link to={`/login${form.search}`}>{t('nav.log_in')}</Link>
      </p>
    </AccountCard>
  );
}

export function LoginPage() {
  const { t } = useTexts();
  useTitle(t('nav.log_in'));
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [otp, setOtp] = useState('');
  const form = useForm(() => api.logIn(username.trim(), password, otp.trim() === '' ? undefined : otp.trim()));
  // Once asked for, the code stays asked for: also after a wrong one.
  const [needsCode, setNeedsCode] = useState(false);
  useEffect(() => {
    if (form.code === 'second_factor_required' || form.code === 'invalid_otp') {
      setNeedsCode(true);
      setOtp('');
    }
  }, [form.code]);
  return (
    <AccountCard art={username || 'ensemble'} title={t('login.title')} text={t('login.text')}>
      {form.general && form.code !== 'second_factor_required' && <Notice kind="error">{form.general}</Notice>}
      {needsCode && form.code === 'second_factor_required' && <Notice kind="good">{t('login.second_factor')}</Notice>}
      <form onSubmit={(event) => void form.submit(event)} data-testid="login-form">
        <Field label={t('account.username_or_email')} name="username" error={form.errorOf('username')} value={username} onChange={setUsername} autoComplete="username" maxLength={254} required autoFocus />
        <Field label={t('account.password')} name="password" type="password" value={password} onChange={setPassword} autoComplete="current-password" maxLength={128} required />
        {needsCode && <Field label={t('settings.code')} name="otp" hint={t('settings.code_hint')} value={otp} onChange={setOtp} autoComplete="one-time-code" maxLength={20} required autoFocus />}
        <button type="submit" className="button button-full" disabled={form.working} data-testid="submit">
          {t(form.working ? 'login.working' : 'login.action')}
        </button>
      </form>
      <p className="account-other">
        {t('login.no_account')} <Link to={`/join${form.search}`}>{t('nav.join')}</Link>
      </p>
    </AccountCard>
  );
}
