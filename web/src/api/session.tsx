// SPDX-License-Identifier: GPL-3.0-or-later
// Who is logged in, for every component: unknown while the first refresh runs.
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Api, loggedInFlag } from './client';
import type { User } from './types';

export const api = new Api({
  flags: {
    getItem: (key) => window.localStorage.getItem(key),
    setItem: (key, value) => window.localStorage.setItem(key, value),
    removeItem: (key) => window.localStorage.removeItem(key),
  },
});

interface Session {
  state: 'unknown' | 'out' | 'in';
  user: User | null;
}

const SessionContext = createContext<Session>({ state: 'unknown', user: null });

export function useSession(): Session {
  return useContext(SessionContext);
}

// Between attempts to learn who this is while the server is away. Unit: ms.
const retryAfter = 3000;

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<Session['state']>('unknown');
  const [user, setUser] = useState<User | null>(null);

  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const learn = async () => {
      try {
        const resumed = api.hasToken || (await api.resume());
        const me = resumed ? await api.me() : null;
        if (!gone) {
          setUser(me);
          setState(me ? 'in' : 'out');
        }
      } catch {
        if (!gone) {
          timer = setTimeout(learn, retryAfter);
        }
      }
    };
    const unlisten = api.onSession((loggedIn) => {
      clearTimeout(timer);
      if (loggedIn) {
        void learn();
      } else {
        setUser(null);
        setState('out');
      }
    });
    // Another tab logged in or out.
    const stored = (event: StorageEvent) => {
      if (event.key === loggedInFlag && event.newValue === null) {
        api.forget();
      } else if (event.key === loggedInFlag && !api.hasToken) {
        void learn();
      }
    };
    window.addEventListener('storage', stored);
    void learn();
    return () => {
      gone = true;
      clearTimeout(timer);
      unlisten();
      window.removeEventListener('storage', stored);
    };
  }, []);

  const session = useMemo(() => ({ state, user }), [state, user]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}
