// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes, live: asked again and again while the page is shown, and what an administrator has them do.
import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { branchesOf, entitiesOf, followHomes, homesIn, movesIn, standingOf, type Branch, type Entity, type Move, type Standing } from './model';
import { Poller, type PollState } from './poller';
import { clusterApi, type ClusterFacts } from './types';

export type Said =
  | { what: 'moved'; name: string; from: string; to: string; pauseMs: number | null }
  | { what: 'move_failed'; name: string; code: string }
  | { what: 'drain_begun'; node: string }
  | { what: 'drain_failed'; node: string; code: string }
  | { what: 'node'; node: string; was: Standing | null; now: Standing };
export type SaidLine = Said & { id: number; at: number };

export interface Seen {
  facts: ClusterFacts;
  roots: Branch[];
  entities: Entity[];
  isWhole: boolean;
  /** Unit: ms. */
  at: number;
  /** Connections of each node, oldest first. */
  history: Map<string, number[]>;
}

export interface Cluster {
  seen: Seen | null;
  poll: PollState | null;
  said: SaidLine[];
  /** Asked for by this page and not answered yet: where to, by name. */
  moving: ReadonlyMap<string, string>;
  askNow: () => void;
  move: (name: string, from: string, to: string) => Promise<void>;
  drain: (node: string) => Promise<void>;
}

export const historySlots = 60; // two minutes
const mostSaid = 30;
// In calm the tree is asked for every other time: all together 45 calls a minute, of the 100 that
// limits.requests_per_minute_user leaves an administrator by default. A long one still more rarely.
const calmTreeEvery = 2;
const longTree = 1000;
const longTreeEvery = 5;

const codeOf = (error: unknown) => (error instanceof ApiError ? error.code : 'network');

export function useCluster(): Cluster {
  const [seen, setSeen] = useState<Seen | null>(null);
  const [poll, setPoll] = useState<PollState | null>(null);
  const [said, setSaid] = useState<SaidLine[]>([]);
  const [moving, setMoving] = useState<ReadonlyMap<string, string>>(new Map());
  const poller = useRef<Poller | null>(null);
  const underWay = useRef(new Map<string, string>());
  const homes = useRef(new Map<string, string>());
  const serial = useRef(0);
  const wasWoken = useRef(false);

  const say = useCallback((lines: Said[]) => {
    if (lines.length > 0) {
      const at = Date.now();
      const numbered = lines.map((line) => ({ ...line, id: (serial.current += 1), at }));
      setSaid((old) => [...numbered.reverse(), ...old].slice(0, mostSaid));
    }
  }, []);

  useEffect(() => {
    let last: Seen | null = null;
    let round = 0;
    const ask = async (signal: AbortSignal) => {
      const wantsTree = last === null || round % treeEvery(last, underWay.current.size > 0 || wasWoken.current) === 0;
      wasWoken.current = false;
      round += 1;
      const [facts, tree] = await Promise.all([clusterApi.facts(signal), wantsTree ? clusterApi.tree(signal) : null]);
      if (signal.aborted) {
        return;
      }
      const news: Said[] = [];
      if (last) {
        news.push(...changes(last.facts, facts));
      }
      if (news.length > 0 && !tree) {
        wasWoken.current = true;
        poller.current?.wake(); // what lives where is of before
      }
      const roots = tree ? branchesOf(tree.items) : (last?.roots ?? []);
      const entities = tree ? entitiesOf(roots) : (last?.entities ?? []);
      const isWhole = tree ? tree.is_whole : (last?.isWhole ?? true);
      if (tree) {
        const now = homesIn(entities);
        underWay.current.forEach((_, name) => now.delete(name)); // its answer tells of it, with the pause
        news.push(...followHomes(homes.current, now, isWhole).map(toSaid));
      }
      last = { facts, roots, entities, isWhole, at: Date.now(), history: longer(last?.history, facts) };
      setSeen(last);
      say(news);
    };
    const mine = new Poller({ ask, isHidden: () => document.hidden, now: Date.now, changed: setPoll });
    poller.current = mine;
    document.addEventListener('visibilitychange', mine.wake);
    window.addEventListener('online', mine.wake);
    mine.wake();
    return () => {
      mine.stop();
      document.removeEventListener('visibilitychange', mine.wake);
      window.removeEventListener('online', mine.wake);
    };
  }, [say]);

  const askNow = useCallback(() => {
    wasWoken.current = true;
    poller.current?.wake();
  }, []);

  const move = useCallback(
    async (name: string, from: string, to: string) => {
      underWay.current.set(name, to);
      setMoving(new Map(underWay.current));
      try {
        const done = await clusterApi.move(name, to);
        homes.current.set(name, done.node);
        say([{ what: 'moved', name, from: done.from || from, to: done.node, pauseMs: done.pause_ms }]);
      } catch (error) {
        say([{ what: 'move_failed', name, code: codeOf(error) }]);
      }
      underWay.current.delete(name);
      setMoving(new Map(underWay.current));
      askNow();
    },
    [say, askNow],
  );

  const drain = useCallback(
    async (node: string) => {
      try {
        await clusterApi.drain(node);
        say([{ what: 'drain_begun', node }]);
      } catch (error) {
        say([{ what: 'drain_failed', node, code: codeOf(error) }]);
      }
      askNow();
    },
    [say, askNow],
  );

  return { seen, poll, said, moving, askNow, move, drain };
}

function toSaid(move: Move): Said {
  return { what: 'moved', name: move.name, from: move.from ?? '', to: move.to ?? '', pauseMs: null };
}

/** Every how many rounds the tree is asked for. */
export function treeEvery(last: Pick<Seen, 'facts' | 'entities'>, isWanted: boolean): number {
  if (last.entities.length >= longTree) {
    return longTreeEvery;
  }
  const isCalm = movesIn(last.entities).length === 0 && last.facts.nodes.every((n) => standingOf(n) !== 'draining');
  return isWanted || !isCalm ? 1 : calmTreeEvery;
}

/** Which nodes stand otherwise than before. */
export function changes(before: ClusterFacts, now: ClusterFacts): Said[] {
  const was = new Map(before.nodes.map((n) => [n.node, standingOf(n)]));
  return now.nodes
    .map((n): Said => ({ what: 'node', node: n.node, was: was.get(n.node) ?? null, now: standingOf(n) }))
    .filter((line) => line.what === 'node' && line.was !== line.now);
}

function longer(history: Map<string, number[]> | undefined, facts: ClusterFacts): Map<string, number[]> {
  return new Map(
    facts.nodes
      .filter((n) => n.answers)
      .map((n) => [n.node, [...(history?.get(n.node) ?? []), n.counts['connections'] ?? 0].slice(-historySlots)]),
  );
}
