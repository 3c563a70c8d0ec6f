// SPDX-License-Identifier: GPL-3.0-or-later
// Addresses of the page and moving between them without loading it again.
import {
  createContext,
  useContext,
  useEffect,
  useMemo,
  useState,
  type AnchorHTMLAttributes,
  type MouseEvent,
  type ReactNode,
} from 'react';

export type Route =
  | { page: 'home' }
  | { page: 'watch'; streamId: string }
  | { page: 'channel'; username: string }
  | { page: 'join' }
  | { page: 'login' }
  | { page: 'live' }
  | { page: 'settings' }
  | { page: 'cluster' }
  | { page: 'not_found' };

const plainPages = ['join', 'login', 'live', 'settings', 'cluster'] as const;

/** Which page a path names. A trailing slash changes nothing. */
export function matchRoute(path: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0) {
    return { page: 'home' };
  }
  const [first, second] = parts;
  if (first === 'watch' && second !== undefined && parts.length === 2) {
    // Ids are integers below 2^53; anything else cannot name a stream.
    return /^[0-9]{1,16}$/.test(second) ? { page: 'watch', streamId: second } : { page: 'not_found' };
  }
  if (first === 'c' && second !== undefined && parts.length === 2) {
    return /^\w{1,32}$/.test(second) ? { page: 'channel', username: second } : { page: 'not_found' };
  }
  const plain = plainPages.find((page) => page === first);
  if (parts.length === 1 && plain) {
    return { page: plain };
  }
  return { page: 'not_found' };
}

/** Where to go after log-in: only a path of this page, never another site. */
export function safeNext(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  if (!/^\/[^/\\]/.test(next) && next !== '/') {
    return '/';
  }
  return matchRoute(next.split(/[?#]/)[0] ?? '/').page === 'not_found' ? '/' : next;
}

/** The query for the log-in page, so that it leads back to where someone was. */
export function nextAfterLogin(route: Route, search: string): string {
  switch (route.page) {
    case 'watch':
      return `?next=/watch/${route.streamId}`;
    case 'channel':
      return `?next=/c/${route.username}`;
    case 'live':
    case 'settings':
    case 'cluster':
      return `?next=/${route.page}`;
    case 'join':
    case 'login':
      return search === '' ? '' : `?${search}`;
    default:
      return '';
  }
}

interface Navigation {
  route: Route;
  search: string;
  navigate: (to: string, options?: { replace?: boolean }) => void;
}

const NavigationContext = createContext<Navigation | null>(null);

export function useNavigation(): Navigation {
  const navigation = useContext(NavigationContext);
  if (!navigation) {
    throw new Error('useNavigation outside of Router');
  }
  return navigation;
}

function here(): string {
  return window.location.pathname + window.location.search;
}

export function Router({ children }: { children: ReactNode }) {
  const [location, setLocation] = useState(here);

  useEffect(() => {
    const moved = () => setLocation(here());
    window.addEventListener('popstate', moved);
    return () => window.removeEventListener('popstate', moved);
  }, []);

  const navigation = useMemo<Navigation>(() => {
    const [path = '/', search = ''] = location.split('?');
    return {
      route: matchRoute(path),
      search,
      navigate: (to, options) => {
        if (options?.replace) {
          window.history.replaceState(null, '', to);
        } else {
          window.history.pushState(null, '', to);
        }
        window.scrollTo(0, 0);
        setLocation(here());
      },
    };
  }, [location]);

  return <NavigationContext.Provider value={navigation}>{children}</NavigationContext.Provider>;
}

/** A click that the browser should handle itself: new tab, download, another button. */
function isPlainClick(event: MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
}

export function Link({ to, onClick, ...rest }: { to: string } & AnchorHTMLAttributes<HTMLAnchorElement>) {
  const { navigate } = useNavigation();
  return (
    <a
      {...rest}
      href={to}
      onClick={(event) => {
        onClick?.(event);
        if (!event.defaultPrevented && isPlainClick(event)) {
          event.preventDefault();
          navigate(to);
        }
      }}
    />
  );
}
