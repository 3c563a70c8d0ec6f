// SPDX-License-Identifier: GPL-3.0-or-later
// What the server tells administrators of its nodes, and the calls that do.
import { api } from '../api/session';

export interface NodeFacts {
  node: string;
  /** joining, active, draining, left, dead */
  state: string;
  /** "host:4040"; empty: it is alone */
  address: string;
  roles: string[];
  /** It has answered the node that was asked: version to counts are its own word. */
  answers: boolean;
  is_suspected: boolean;
  /** Null: never, or the node that was asked. */
  heard_ago_ms: number | null;
  version: string;
  uptime_s: number;
  http_port: number;
  /** 0: takes no encoders */
  rtmp_port: number;
  /** "connections", "messages waiting", and "KIND entities" of each kind */
  counts: Record<string, number>;
}

export interface ClusterFacts {
  /** The node that answers. */
  asked: string;
  /** 0: it is alone. */
  view: number;
  sentence: string;
  nodes: NodeFacts[];
}

/** Parents stand before their children. */
export interface TreeItem {
  depth: number;
  name: string;
  /** cluster, node, supervisor, service, kind or entity */
  kind: string;
  state: string;
  restarts: number;
  waiting: number;
}

export interface ClusterTree {
  is_whole: boolean;
  items: TreeItem[];
}

export interface EntityMove {
  name: string;
  from: string;
  node: string;
  pause_ms: number;
}

export const clusterApi = {
  facts: (signal?: AbortSignal) => api.call<ClusterFacts>('/admin/cluster', { auth: true, signal }),
  tree: (signal?: AbortSignal) => api.call<ClusterTree>('/admin/cluster/tree', { auth: true, signal }),
  move: (name: string, node: string) =>
    api.call<EntityMove>('/admin/cluster/move', { method: 'POST', body: { name, node }, auth: true }),
  drain: (node: string) => api.call<{ node: string }>('/admin/cluster/drain', { method: 'POST', body: { node }, auth: true }),
};
