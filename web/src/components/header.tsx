// SPDX-License-Identifier: GPL-3.0-or-later
// The bar on top of every page.
import { api, useSession } from '../api/session';
import { useTexts } from '../i18n/context';
import { languages } from '../i18n/translate';
import { Link, nextAfterLogin, useNavigation } from '../router';
import { ClusterIcon, PersonIcon } from './icons';
import { Logo } from './logo';

export function Header() {
  const { t, language, setLanguage } = useTexts();
  const { route, search, navigate } = useNavigation();
  const { state, user } = useSession();
  const current = (page: string) => (route.page === page ? ('page' as const) : undefined);
  const other = languages.find(({ code }) => code !== language);

  const after = nextAfterLogin(route, search);

  const logOut = () => {
    void api.logOut(); // what the server does not hear, log_out_notice.tsx says again
    navigate('/');
  };

  return (
    <header className="header">
      <a className="skip" href="#main">
        {t('nav.skip')}
      </a>
      <Link to="/" className="header-logo" aria-current={current('home')}>
        <Logo />
      </Link>
      <nav className="header-nav" aria-label={t('nav.main')}>
        {other && (
          <button
            type="button"
            className="link-button header-language"
            lang={other.code}
            data-testid="language"
            onClick={() => setLanguage(other.code)}
          >
            {other.name}
          </button>
        )}
        {state === 'out' && (
          <>
            <Link to={`/login${after}`} className="header-link" aria-current={current('login')}>
              {t('nav.log_in')}
            </Link>
            <Link to={`/join${after}`} className="button button-small" aria-current={current('join')}>
              {t('nav.join')}
            </Link>
          </>
        )}
        {state === 'in' && (
          <>
            {user?.is_administrator && (
              <Link to="/cluster" className="header-user header-cluster" data-testid="cluster-link" title={t('nav.cluster')} aria-label={t('nav.cluster')} aria-current={current('cluster')}>
                <ClusterIcon />
                <span>{t('nav.cluster')}</span>
              </Link>
            )}
            <Link to="/settings" className="header-user" data-testid="username" title={t('nav.settings')} aria-current={current('settings')}>
              <PersonIcon />
              <span>{user?.username}</span>
            </Link>
            <button type="button" className="link-button header-out" data-testid="log-out" onClick={logOut}>
              {t('nav.log_out')}
            </button>
            <Link to="/live" className="button button-small" aria-current={current('live')} data-testid="go-live-link">
              {t('nav.go_live')}
            </Link>
          </>
        )}
      </nav>
    </header>
  );
}
