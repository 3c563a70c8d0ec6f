// SPDX-License-Identifier: GPL-3.0-or-later
// Who is logged in, for every component: unknown while the first refresh runs.
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { Api, loggedInFlag, logOutPendingFlag } from './client';
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
  /** Logged out here, but the server has not heard of it yet. */
  isLogOutPending: boolean;
}

const SessionContext = createContext<Session>({ state: 'unknown', user: null, isLogOutPending: false });

export function useSession(): Session {
  return useContext(SessionContext);
}

// Between attempts to learn who this is while the server is away. Unit: ms.
const retryAfter = 3000;

export function SessionProvider({ children }: { children: ReactNode }) {
  const [state, setState] = useState<Session['state']>('unknown');
  const [user, setUser] = useState<User | null>(null);
  const [isLogOutPending, setLogOutPending] = useState(() => api.isLogOutPending);

  useEffect(() => {
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Counts what was heard of the session: an answer to an older question is not used.
    let round = 0;

    const learn = async () => {
      round += 1;
      const mine = round;
      try {
        const resumed = api.hasToken || (await api.resume());
        const me = resumed ? await api.me() : null;
        if (!gone && mine === round) {
          setUser(me);
          setState(me ? 'in' : 'out');
        }
      } catch {
        if (!gone && mine === round) {
          timer = setTimeout(learn, retryAfter);
        }
      }
    };
    const unlisten = api.onSession((loggedIn) => {
      clearTimeout(timer);
      setLogOutPending(api.isLogOutPending);
      if (loggedIn) {
        void learn();
      } else {
        round += 1;
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
      } else if (event.key === logOutPendingFlag) {
        setLogOutPending(api.isLogOutPending);
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

  const session = useMemo(() => ({ state, user, isLogOutPending }), [state, user, isLogOutPending]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}
