// SPDX-License-Identifier: GPL-3.0-or-later
import { useCallback, useState } from 'react';
import { ApiError } from '../api/client';

/** One call at a time, and what became of it. */
export function useCall() {
  const [working, setWorking] = useState(false);
  const [code, setCode] = useState<string | null>(null);
  const run = useCallback(async (work: () => Promise<unknown>): Promise<boolean> => {
    setWorking(true);
    setCode(null);
    try {
      await work();
      return true;
    } catch (error) {
      setCode(error instanceof ApiError ? error.code : 'network');
      return false;
    } finally {
      setWorking(false);
    }
  }, []);
  return { working, code, run };
}
