// SPDX-License-Identifier: GPL-3.0-or-later
// What the page shows, made of what the server said. Pure functions.
import type { ClusterFacts, NodeFacts, TreeItem } from './types';

/** How a node stands, in one word; the first that fits. */
export type Standing = 'dead' | 'left' | 'silent' | 'suspected' | 'joining' | 'draining' | 'drained' | 'active' | 'unknown';

/** Something with a name of its own that lives on one node: a room, a stream, … */
export interface Entity {
  name: string;
  kind: string;
  node: string;
  state: string;
  restarts: number;
  waiting: number;
}

export interface Branch extends TreeItem {
  /** Names from the root, which tell it from others of its name. */
  path: string;
  children: Branch[];
}

export interface Move {
  name: string;
  /** Where it is known. */
  from: string | null;
  to: string | null;
}

// They belong to their node and end with it (app/cluster_wiring.cpp); the server refuses to move them.
const boundKinds = new Set(['chat_log', 'presence', 'relay', 'replica', 'viewer']);
// A room lives on nodes with this role alone, the rest on any.
const roleOf: Record<string, string> = { room: 'rooms' };
const entitiesSuffix = ' entities';

export function isMovable(kind: string): boolean {
  return !boundKinds.has(kind);
}

/** How many entities of each kind a node has, by its own word. */
export function heldBy(node: NodeFacts): { kind: string; count: number }[] {
  return Object.entries(node.counts)
    .filter(([name]) => name.endsWith(entitiesSuffix))
    .map(([name, count]) => ({ kind: name.slice(0, -entitiesSuffix.length), count }));
}

/** What a node would have to give away: what moves, and the chat sessions it sends elsewhere. */
export function leftToGive(node: NodeFacts): number {
  return heldBy(node).reduce((sum, { kind, count }) => sum + (isMovable(kind) || kind === 'viewer' ? count : 0), 0);
}

export function isLive(node: NodeFacts): boolean {
  return node.state !== 'dead' && node.state !== 'left';
}

export function standingOf(node: NodeFacts): Standing {
  if (node.state === 'dead' || node.state === 'left') {
    return node.state;
  }
  if (!node.answers) {
    return 'silent';
  }
  if (node.is_suspected) {
    return 'suspected';
  }
  if (node.state === 'draining') {
    return leftToGive(node) === 0 ? 'drained' : 'draining';
  }
  return node.state === 'joining' || node.state === 'active' ? node.state : 'unknown';
}

export function sortedNodes(facts: ClusterFacts): NodeFacts[] {
  return [...facts.nodes].sort((a, b) => Number(isLive(b)) - Number(isLive(a)) || (a.node < b.node ? -1 : 1));
}

/** Nobody to move anything to: one node without others, or whose others are all gone. */
export function isAlone(facts: ClusterFacts): boolean {
  return facts.nodes.filter(isLive).length < 2;
}

/** The nodes that can take an entity, the one with least to hold first. */
export function targetsFor(entity: Pick<Entity, 'kind' | 'node'>, nodes: NodeFacts[]): NodeFacts[] {
  const role = roleOf[entity.kind];
  return nodes
    .filter((n) => n.node !== entity.node && standingOf(n) === 'active' && (role === undefined || n.roles.includes(role)))
    .sort((a, b) => leftToGive(a) - leftToGive(b) || (a.node < b.node ? -1 : 1));
}

/** Why a node cannot be drained by a click; null: it can. */
export function whyNoDrain(node: NodeFacts, nodes: NodeFacts[]): 'not_active' | 'last' | null {
  if (!node.answers || node.state !== 'active') {
    return 'not_active';
  }
  return nodes.some((n) => n.node !== node.node && standingOf(n) === 'active') ? null : 'last';
}

export function branchesOf(items: TreeItem[]): Branch[] {
  const roots: Branch[] = [];
  const path: Branch[] = [];
  for (const item of items) {
    path.length = Math.min(item.depth, path.length);
    const parent = path[path.length - 1];
    const branch: Branch = { ...item, path: parent ? `${parent.path}>${item.name}` : item.name, children: [] };
    (parent ? parent.children : roots).push(branch);
    path.push(branch);
  }
  return roots;
}

/** The nodes of a tree, whether one of several or one alone. */
export function nodesOf(roots: Branch[]): Branch[] {
  return roots.flatMap((root) => (root.kind === 'cluster' ? root.children : [root]));
}

export function entitiesOf(roots: Branch[]): Entity[] {
  const found: Entity[] = [];
  const walk = (branch: Branch, node: string) => {
    if (branch.kind === 'entity') {
      const kind = branch.name.split('/', 1)[0] ?? '';
      found.push({ name: branch.name, kind, node, state: branch.state, restarts: branch.restarts, waiting: branch.waiting });
    }
    branch.children.forEach((child) => walk(child, node));
  };
  nodesOf(roots).forEach((node) => walk(node, node.name));
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.node < b.node ? -1 : 1));
}

/** Those that were between two nodes when the tree was made. */
export function movesIn(entities: Entity[]): Move[] {
  const moves = new Map<string, Move>();
  for (const { name, node, state } of entities) {
    if (state === 'handing_over' || state === 'taking_over') {
      const move = moves.get(name) ?? { name, from: null, to: null };
      moves.set(name, state === 'handing_over' ? { ...move, from: node } : { ...move, to: node });
    }
  }
  return [...moves.values()];
}

/** Where everything that moves lives; what is on its way counts for neither node. */
export function homesIn(entities: Entity[]): Map<string, string> {
  return new Map(entities.filter((e) => e.state === 'active' && isMovable(e.kind)).map((e) => [e.name, e.node]));
}

/** What went from one node to another since. Takes over into `homes` what it sees; forgets what is gone only in a whole tree. */
export function followHomes(homes: Map<string, string>, now: Map<string, string>, isWhole: boolean): Move[] {
  const moved: Move[] = [];
  for (const [name, node] of now) {
    const before = homes.get(name);
    if (before !== undefined && before !== node) {
      moved.push({ name, from: before, to: node });
    }
    homes.set(name, node);
  }
  if (isWhole) {
    // Kept for what is on its way; bounded all the same.
    for (const name of homes.keys()) {
      if (homes.size <= mostHomes) {
        break;
      }
      if (!now.has(name)) {
        homes.delete(name);
      }
    }
  }
  return moved;
}

const mostHomes = 10_000;

export interface Wanted {
  /** "": of those that move; "*": all; else one kind. */
  kind: string;
  /** "": all nodes. */
  node: string;
  text: string;
}

export function chosen(entities: Entity[], wanted: Wanted): Entity[] {
  const text = wanted.text.trim().toLowerCase();
  return entities.filter(
    (e) =>
      (wanted.kind === '*' || (wanted.kind === '' ? isMovable(e.kind) : e.kind === wanted.kind)) &&
      (wanted.node === '' || e.node === wanted.node) &&
      (text === '' || e.name.toLowerCase().includes(text)),
  );
}
