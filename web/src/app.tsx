// SPDX-License-Identifier: GPL-3.0-or-later
// The frame around every page. Pages are chunks of their own; the home page never loads the player.
import { Component, lazy, Suspense, useEffect, useRef, type ReactNode } from 'react';
import { SessionProvider } from './api/session';
import { Header } from './components/header';
import { LogOutNotice } from './components/log_out_notice';
import { GhostLight } from './components/poster';
import { TextsProvider, useTexts, useTitle } from './i18n/context';
import { Link, Router, useNavigation, type Route } from './router';
import HomePage from './pages/home';

const WatchPage = lazy(() => import('./pages/watch'));
const ChannelPage = lazy(() => import('./pages/channel'));
const LivePage = lazy(() => import('./pages/live'));
const ClusterPage = lazy(() => import('./pages/cluster'));
const SettingsPage = lazy(() => import('./pages/settings'));
const JoinPage = lazy(() => import('./pages/account').then(({ JoinPage: page }) => ({ default: page })));
const LoginPage = lazy(() => import('./pages/account').then(({ LoginPage: page }) => ({ default: page })));

export function App() {
  return (
    <TextsProvider>
      <Catch>
        <SessionProvider>
          <Router>
            <Frame />
          </Router>
        </SessionProvider>
      </Catch>
    </TextsProvider>
  );
}

function placeOf(route: Route): string {
  switch (route.page) {
    case 'watch':
      return `watch/${route.streamId}`;
    case 'channel':
      return `c/${route.username}`;
    default:
      return route.page;
  }
}

function Frame() {
  const { route } = useNavigation();
  const main = useRef<HTMLElement>(null);
  const place = placeOf(route);

  // Someone who moved by keyboard or hears the page goes on at the new content, not at the old link.
  const before = useRef(place);
  useEffect(() => {
    if (before.current !== place) {
      before.current = place;
      if (!main.current?.contains(document.activeElement)) {
        main.current?.focus({ preventScroll: true });
      }
    }
  }, [place]);

  return (
    <>
      <Header />
      <LogOutNotice />
      <main id="main" ref={main} tabIndex={-1} data-page={route.page}>
        <Suspense fallback={<div className="page-loading" />}>
          <Page />
        </Suspense>
      </main>
    </>
  );
}

function Page() {
  const { route } = useNavigation();
  switch (route.page) {
    case 'home':
      return <HomePage />;
    case 'watch':
      return <WatchPage key={route.streamId} streamId={route.streamId} />;
    case 'channel':
      return <ChannelPage key={route.username} username={route.username} />;
    case 'settings':
      return <SettingsPage />;
    case 'cluster':
      return <ClusterPage />;
    case 'join':
      return <JoinPage />;
    case 'login':
      return <LoginPage />;
    case 'live':
      return <LivePage />;
    case 'not_found':
      return <NotFound />;
  }
}

function NotFound() {
  const { t } = useTexts();
  useTitle(t('not_found.title'));
  return (
    <section className="empty" data-testid="not-found">
      <GhostLight />
      <div>
        <h1>{t('not_found.title')}</h1>
        <p className="lead">{t('not_found.text')}</p>
        <Link to="/" className="button">
          {t('not_found.action')}
        </Link>
      </div>
    </section>
  );
}

/** A fault in the page itself, or a chunk of an older version that is no longer there. */
class Catch extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? <Crashed /> : this.props.children;
  }
}

function Crashed() {
  const { t } = useTexts();
  return (
    <main className="empty" role="alert">
      <div>
        <h1>{t('error.crashed_title')}</h1>
        <p className="lead">{t('error.crashed_text')}</p>
        <button type="button" className="button" onClick={() => window.location.reload()}>
          {t('error.reload')}
        </button>
      </div>
    </main>
  );
}
