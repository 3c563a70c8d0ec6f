// SPDX-License-Identifier: GPL-3.0-or-later
// A room for components: opened while they are shown, told who is logged in, watched for sleep.
import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import { roomApi } from '../api/room';
import { api, useSession } from '../api/session';
import { playsNatively, randomText, viewerId } from '../lib/viewer';
import { ChatClient } from './chat_client';
import type { ChatState } from './chat_state';
import type { SocketLike } from './connection';

/** Once per drawn frame; a hidden page draws none, and needs none. */
function nextFrame(run: () => void): void {
  if (document.hidden) {
    setTimeout(run, 250);
  } else {
    requestAnimationFrame(run);
  }
}

function socketAddress(channel: number, query: URLSearchParams): string {
  const scheme = window.location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${window.location.host}/api/v1/channels/${channel}/chat/ws?${query}`;
}

/** Null until the channel is known. */
export function useRoomClient(channel: number | null): ChatClient | null {
  const { state, user } = useSession();
  const [client, setClient] = useState<ChatClient | null>(null);

  useEffect(() => {
    if (channel === null) {
      return undefined;
    }
    const made = new ChatClient({
      open: (query) => new WebSocket(socketAddress(channel, query)) as unknown as SocketLike,
      history: (query) => roomApi(channel).history(query),
      token: () => api.accessToken(),
      refused: () => {
        if (api.hasToken) {
          api.refresh().catch(() => undefined);
        }
      },
      viewer: viewerId(),
      isNative: playsNatively(),
      soon: nextFrame,
      prefix: randomText(10),
    });
    const suspect = () => {
      if (!document.hidden) {
        made.suspect();
      }
    };
    window.addEventListener('online', suspect);
    window.addEventListener('offline', suspect);
    document.addEventListener('visibilitychange', suspect);
    window.addEventListener('pageshow', suspect);
    made.start();
    setClient(made);
    return () => {
      window.removeEventListener('online', suspect);
      window.removeEventListener('offline', suspect);
      document.removeEventListener('visibilitychange', suspect);
      window.removeEventListener('pageshow', suspect);
      made.stop();
      setClient(null);
    };
  }, [channel]);

  useEffect(() => {
    if (client && state !== 'unknown') {
      client.setUser(user?.user_id ?? null);
    }
  }, [client, state, user?.user_id]);

  return client;
}

const nothing = () => () => undefined;

/** The whole state, drawn anew with every frame in which something was said. */
export function useRoomState(client: ChatClient): ChatState {
  return useSyncExternalStore(client.subscribe, client.snapshot);
}

/** One part of it: drawn anew only when that changes. `pick` must give the same for the same. */
export function useRoomValue<T>(client: ChatClient | null, pick: (state: ChatState) => T, otherwise: T): T {
  const read = useCallback(() => (client ? pick(client.snapshot()) : otherwise), [client, pick, otherwise]);
  return useSyncExternalStore(client?.subscribe ?? nothing, read);
}
