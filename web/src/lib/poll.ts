// SPDX-License-Identifier: GPL-3.0-or-later
// Asks again and again while someone is looking: hidden tabs pause, and ask at once when shown, or when the network is back.
import { useEffect, useRef, useState } from 'react';

/** Calls `ask` now, then `everyMs` after each answer. Never two at a time. Null switches it off. */
export function usePoll(ask: ((signal: AbortSignal) => Promise<void>) | null, everyMs: number, key: unknown = 0): void {
  const latest = useRef(ask);
  latest.current = ask;
  const on = ask !== null;

  useEffect(() => {
    if (!on) {
      return undefined;
    }
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let underWay = false;

    const round = async () => {
      clearTimeout(timer);
      if (underWay || controller.signal.aborted || document.hidden) {
        return;
      }
      underWay = true;
      try {
        await latest.current?.(controller.signal);
      } catch {
        // The asker shows its own errors; the poll goes on.
      }
      underWay = false;
      if (!controller.signal.aborted) {
        timer = setTimeout(round, everyMs);
      }
    };
    const shown = () => void round();
    document.addEventListener('visibilitychange', shown);
    window.addEventListener('online', shown);
    void round();
    return () => {
      controller.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
      window.removeEventListener('online', shown);
    };
  }, [on, everyMs, key]);
}

/** The time, renewed every second while the page is shown. Unit: ms. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) {
        setNow(Date.now());
      }
    }, 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
