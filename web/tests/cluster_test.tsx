// SPDX-License-Identifier: GPL-3.0-or-later
import { renderToStaticMarkup } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { inlineCodeIn } from '../build_tools/refuse_inline_code';
import { ApiError } from '../src/api/client';
import {
  branchesOf,
  chosen,
  entitiesOf,
  followHomes,
  homesIn,
  isAlone,
  leftToGive,
  movesIn,
  nodesOf,
  standingOf,
  targetsFor,
  whyNoDrain,
  type Entity,
} from '../src/cluster/model';
import { NodeCard } from '../src/cluster/nodes';
import { delayAfter, Poller, type PollState } from '../src/cluster/poller';
import { clusterText, en, ja, named, whyText, type ClusterKey } from '../src/cluster/texts';
import type { ClusterFacts, NodeFacts, TreeItem } from '../src/cluster/types';
import { changes, treeEvery } from '../src/cluster/use_cluster';
import { TextsProvider } from '../src/i18n/context';

const node = (name: string, more: Partial<NodeFacts> = {}): NodeFacts => ({
  node: name,
  state: 'active',
  address: `${name}:4040`,
  roles: ['edge', 'rooms'],
  answers: true,
  is_suspected: false,
  heard_ago_ms: 80,
  version: '0.1.0',
  uptime_s: 3700,
  http_port: 8080,
  rtmp_port: 1935,
  counts: { connections: 4, 'room entities': 2, 'relay entities': 5, 'viewer entities': 1, 'messages waiting': 0 },
  ...more,
});
const facts = (...nodes: NodeFacts[]): ClusterFacts => ({ asked: nodes[0]?.node ?? '', view: 3, sentence: '', nodes });
const line = (depth: number, name: string, kind: string, state = 'running'): TreeItem => ({ depth, name, kind, state, restarts: 0, waiting: 0 });
const entity = (name: string, where: string, state = 'active'): Entity => ({ name, kind: name.split('/')[0] ?? '', node: where, state, restarts: 0, waiting: 0 });

describe('nodes', () => {
  it('stand as the server says, the worst first', () => {
    expect(standingOf(node('a'))).toBe('active');
    expect(standingOf(node('a', { answers: false, is_suspected: true }))).toBe('silent');
    expect(standingOf(node('a', { is_suspected: true }))).toBe('suspected');
    expect(standingOf(node('a', { state: 'dead', answers: false }))).toBe('dead');
    expect(standingOf(node('a', { state: 'left', answers: false }))).toBe('left');
    expect(standingOf(node('a', { state: 'joining' }))).toBe('joining');
    expect(standingOf(node('a', { state: 'of tomorrow' }))).toBe('unknown');
  });

  it('are drained once nothing that moves, and no chat session, is left; what is bound to them stays', () => {
    expect(leftToGive(node('a'))).toBe(3);
    expect(standingOf(node('a', { state: 'draining' }))).toBe('draining');
    const empty = { connections: 4, 'room entities': 0, 'relay entities': 5, 'presence entities': 1, 'viewer entities': 0 };
    expect(standingOf(node('a', { state: 'draining', counts: empty }))).toBe('drained');
    expect(standingOf(node('a', { state: 'draining', answers: false, counts: {} }))).toBe('silent');
  });

  it('can be drained while another active one is there', () => {
    const a = node('a');
    expect(whyNoDrain(a, [a, node('b')])).toBeNull();
    expect(whyNoDrain(a, [a, node('b', { answers: false })])).toBe('last');
    expect(whyNoDrain(a, [a, node('b', { state: 'draining' })])).toBe('last');
    expect(whyNoDrain(node('a', { state: 'draining' }), [a, node('b')])).toBe('not_active');
  });

  it('are alone when all others are gone', () => {
    expect(isAlone(facts(node('a')))).toBe(true);
    expect(isAlone(facts(node('a'), node('b', { state: 'dead' })))).toBe(true);
    expect(isAlone(facts(node('a'), node('b', { answers: false })))).toBe(false);
  });

  it('take a room only with its role, the emptiest first', () => {
    const nodes = [node('a'), node('b'), node('c', { counts: { 'room entities': 0 } }), node('d', { roles: ['edge'] }), node('e', { is_suspected: true })];
    const names = (kind: string, at: string) => targetsFor({ kind, node: at }, nodes).map((n) => n.node);
    expect(names('room', 'a')).toEqual(['c', 'b']);
    expect(names('stream', 'a')).toEqual(['c', 'b', 'd']);
  });

  it('are told of when they stand otherwise than before', () => {
    const before = facts(node('a'), node('b'));
    expect(changes(before, before)).toEqual([]);
    expect(changes(before, facts(node('a'), node('b', { answers: false }), node('c')))).toEqual([
      { what: 'node', node: 'b', was: 'active', now: 'silent' },
      { what: 'node', node: 'c', was: null, now: 'active' },
    ]);
  });

  const drawn = (n: NodeFacts, drain: Parameters<typeof NodeCard>[0]['drain']) => {
    vi.stubGlobal('navigator', { languages: ['en'] });
    return renderToStaticMarkup(
      <TextsProvider>
        <NodeCard node={n} isAsked={false} history={[1, 2]} drain={drain} />
      </TextsProvider>,
    );
  };

  it('are drawn without anything the Content-Security-Policy forbids, with a name on the button', () => {
    const markup = drawn(node('<a>'), { isLast: false, begin: () => undefined });
    expect(inlineCodeIn(markup)).toEqual([]);
    expect(markup).toContain('aria-label="Drain node &lt;a&gt;"');
    expect(markup).not.toContain('disabled');
    expect(markup).toContain('1 h');
  });

  it('say why they cannot be drained, and nothing of what they did not say', () => {
    const last = drawn(node('a'), { isLast: true, begin: () => undefined });
    expect(last).toContain('disabled=""');
    expect(last).toContain(en.drain_last);
    const silent = drawn(node('b', { answers: false, heard_ago_ms: 9000, counts: {}, version: '', uptime_s: 0, http_port: 0 }), null);
    expect(silent).toContain('last heard of 9 s ago');
    expect(silent).not.toContain('Version');
    expect(silent).not.toContain('<button');
  });
});

describe('the tree', () => {
  const items = [
    line(0, 'cluster', 'cluster'),
    line(1, 'a', 'node'),
    line(2, 'room', 'kind'),
    line(3, 'room/2', 'entity', 'active'),
    line(3, 'room/1', 'entity', 'handing_over'),
    line(2, 'relay', 'kind'),
    line(3, 'relay/a/1', 'entity', 'active'),
    line(1, 'b', 'node'),
    line(2, 'room', 'kind'),
    line(3, 'room/1', 'entity', 'taking_over'),
  ];

  it('is nested by depth, of several nodes and of one', () => {
    expect(nodesOf(branchesOf(items)).map((n) => [n.name, n.children.map((k) => k.name)])).toEqual([
      ['a', ['room', 'relay']],
      ['b', ['room']],
    ]);
    expect(nodesOf(branchesOf([line(0, 'a', 'node'), line(1, 'edges', 'supervisor')])).map((n) => n.name)).toEqual(['a']);
  });

  it('is asked for every other time, each time while something moves, and rarely when it is long', () => {
    const calm = { facts: facts(node('a'), node('b')), entities: [entity('room/1', 'a')] };
    expect(treeEvery(calm, false)).toBe(2);
    expect(treeEvery(calm, true)).toBe(1);
    expect(treeEvery({ ...calm, entities: [entity('room/1', 'a', 'handing_over')] }, false)).toBe(1);
    expect(treeEvery({ ...calm, facts: facts(node('a'), node('b', { state: 'draining' })) }, false)).toBe(1);
    expect(treeEvery({ ...calm, entities: Array.from({ length: 1000 }, (_, i) => entity(`room/${i}`, 'a')) }, true)).toBe(5);
  });

  it('bears a depth that leaps', () => {
    expect(branchesOf([line(0, 'a', 'node'), line(7, 'x', 'service')])[0]?.children.map((b) => b.name)).toEqual(['x']);
    expect(branchesOf([line(3, 'a', 'node')]).map((b) => b.name)).toEqual(['a']);
  });

  it('says what lives where, and what is between two nodes', () => {
    const all = entitiesOf(branchesOf(items));
    expect(all.map((e) => `${e.name}@${e.node}`)).toEqual(['relay/a/1@a', 'room/1@a', 'room/1@b', 'room/2@a']);
    expect(movesIn(all)).toEqual([{ name: 'room/1', from: 'a', to: 'b' }]);
    expect([...homesIn(all)]).toEqual([['room/2', 'a']]);
  });

  it('is searched by name, kind and node', () => {
    const all = [entity('room/12', 'a'), entity('room/34', 'b'), entity('stream/12', 'b'), entity('viewer/a.1/7', 'a')];
    const names = (wanted: Partial<Parameters<typeof chosen>[1]>) => chosen(all, { kind: '', node: '', text: '', ...wanted }).map((e) => e.name);
    expect(names({})).toEqual(['room/12', 'room/34', 'stream/12']);
    expect(names({ kind: '*' })).toHaveLength(4);
    expect(names({ kind: 'viewer' })).toEqual(['viewer/a.1/7']);
    expect(names({ text: ' ROOM/1 ' })).toEqual(['room/12']);
    expect(names({ node: 'b' })).toEqual(['room/34', 'stream/12']);
  });

  it('tells what went from one node to another, also when it was seen on neither meanwhile', () => {
    const homes = new Map<string, string>();
    const at = (...pairs: [string, string][]) => followHomes(homes, new Map(pairs), true);
    expect(at(['room/1', 'a'], ['room/2', 'a'])).toEqual([]);
    expect(at(['room/2', 'a'])).toEqual([]);
    expect(at(['room/1', 'b'], ['room/2', 'a'])).toEqual([{ name: 'room/1', from: 'a', to: 'b' }]);
    expect(at(['room/1', 'b'])).toEqual([]);
  });

  it('remembers no more than ten thousand that are gone', () => {
    const homes = new Map<string, string>();
    for (let i = 0; i < 3; i += 1) {
      followHomes(homes, new Map(Array.from({ length: 6000 }, (_, k) => [`room/${i}x${k}`, 'a'])), true);
    }
    expect(homes.size).toBe(10_000);
    expect(homes.has('room/2x0')).toBe(true);
  });
});

describe('the poller', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function make(answer: () => Promise<void>) {
    const states: PollState[] = [];
    const asked = vi.fn(answer);
    const view = { isHidden: false };
    const poller = new Poller({ ask: asked, isHidden: () => view.isHidden, now: Date.now, changed: (s) => states.push(s) });
    return { poller, asked, states, view };
  }

  it('asks every two seconds', async () => {
    const { poller, asked } = make(async () => undefined);
    poller.wake();
    await vi.advanceTimersByTimeAsync(6001);
    expect(asked).toHaveBeenCalledTimes(4);
    poller.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveBeenCalledTimes(4);
  });

  it('asks ever more rarely while there is no answer, and at the old pace after one', async () => {
    let fails = true;
    const { poller, asked, states } = make(() => (fails ? Promise.reject(new ApiError(0, 'network', '')) : Promise.resolve()));
    poller.wake();
    const gaps: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      await vi.advanceTimersByTimeAsync(0);
      const last = states[states.length - 1];
      gaps.push((last?.againAt ?? 0) - Date.now());
      await vi.advanceTimersByTimeAsync((last?.againAt ?? 0) - Date.now());
    }
    expect(gaps).toEqual([4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(states[0]).toMatchObject({ failures: 1, code: 'network' });
    fails = false;
    asked.mockClear();
    await vi.advanceTimersByTimeAsync(30_000 + 4001);
    expect(states[states.length - 1]).toMatchObject({ failures: 0, code: null });
    expect(asked.mock.calls.length).toBeGreaterThanOrEqual(3);
    poller.stop();
  });

  it('waits as long as the server says', () => {
    expect(delayAfter(0, null)).toBe(2000);
    expect(delayAfter(1, 10)).toBe(10_000);
    expect(delayAfter(1, 3600)).toBe(60_000);
    expect(delayAfter(50, null)).toBe(30_000);
  });

  it('asks nothing while nobody looks, and at once when somebody does', async () => {
    const { poller, asked, view } = make(async () => undefined);
    poller.wake();
    await vi.advanceTimersByTimeAsync(1);
    view.isHidden = true;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveBeenCalledTimes(1);
    view.isHidden = false;
    poller.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveBeenCalledTimes(2);
    poller.stop();
  });

  it('never asks twice at a time, and asks again at once when woken meanwhile', async () => {
    let answer = () => undefined as void;
    const { poller, asked } = make(() => new Promise<void>((done) => void (answer = done)));
    poller.wake();
    poller.wake();
    poller.wake();
    expect(asked).toHaveBeenCalledTimes(1);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toHaveBeenCalledTimes(2);
    poller.stop();
  });
});

describe('its texts', () => {
  const keys = Object.keys(en) as ClusterKey[];
  const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort().join();

  it('are there in both languages, with the same values', () => {
    expect(Object.keys(ja).sort()).toEqual([...keys].sort());
    expect(keys.filter((key) => holes(en[key]) !== holes(ja[key]))).toEqual([]);
    expect(keys.filter((key) => key !== 'of' && !/[\u3040-\u30ff\u4e00-\u9fff]/.test(ja[key]))).toEqual([]);
  });

  it('have a sentence for each refusal, and the page’s own for the rest', () => {
    expect(whyText('en', 'not_taken')).toBe('The other node did not take it.');
    expect(whyText('ja', 'is_there')).toBe(ja['error.is_there']);
    expect(whyText('en', 'of_tomorrow')).toContain('of_tomorrow');
    expect(named('en', 'kind', 'chat_log')).toBe('chat log');
    expect(named('ja', 'state', 'handing_over')).toBe(ja['state.handing_over']);
    expect(clusterText('en', 'drain_question', { node: 'b' })).toBe('Drain node b?');
  });
});
