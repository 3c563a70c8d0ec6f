// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes: how each stands, what it holds, and to drain it.
import { useState, type ReactNode } from 'react';
import { Confirm } from '../components/ui';
import { sparkline } from '../lib/sparkline';
import { heldBy, isLive, leftToGive, sortedNodes, standingOf, whyNoDrain } from './model';
import { named, useClusterTexts } from './texts';
import type { NodeFacts } from './types';
import { historySlots, type Cluster, type Seen } from './use_cluster';

const mainKinds = ['room', 'stream', 'viewer'];

export function Nodes({ seen, cluster, isAlone }: { seen: Seen; cluster: Cluster; isAlone: boolean }) {
  const { c } = useClusterTexts();
  const [draining, setDraining] = useState<NodeFacts | null>(null);
  const nodes = sortedNodes(seen.facts);
  return (
    <section aria-labelledby="cluster-nodes">
      <h2 id="cluster-nodes" className="cluster-heading">
        {c('nodes')}
      </h2>
      <ul className="cluster-nodes">
        {nodes.map((node) => (
          <NodeCard
            key={node.node}
            node={node}
            isAsked={node.node === seen.facts.asked}
            history={seen.history.get(node.node) ?? []}
            drain={isAlone || whyNoDrain(node, nodes) === 'not_active' ? null : { isLast: whyNoDrain(node, nodes) === 'last', begin: () => setDraining(node) }}
          />
        ))}
      </ul>
      {draining && (
        <Confirm
          question={c('drain_question', { node: draining.node })}
          text={[c('drain_text', { count: leftToGive(draining) }), draining.node === seen.facts.asked ? c('drain_asked') : ''].join(' ').trim()}
          action={c('drain_confirm', { node: draining.node })}
          onClose={() => setDraining(null)}
          onConfirm={() => void cluster.drain(draining.node)}
        />
      )}
    </section>
  );
}

interface CardProps {
  node: NodeFacts;
  isAsked: boolean;
  history: number[];
  /** Null: nothing is to be drained here. */
  drain: { isLast: boolean; begin: () => void } | null;
}

export function NodeCard({ node, isAsked, history, drain }: CardProps) {
  const { c, language, number } = useClusterTexts();
  const standing = standingOf(node);
  const id = `node-${node.node}`;
  const hint = drain?.isLast ? `${id}-hint` : undefined;
  return (
    <li className={`panel cluster-node cluster-is-${standing}`} data-testid="node" data-node={node.node} data-standing={standing} aria-labelledby={id}>
      <div className="cluster-node-head">
        <h3 id={id}>{node.node}</h3>
        <span className={`pill cluster-pill-${standing}`}>{c(`node.${standing}`)}</span>
        {isAsked && <span className="hint">{c('node.asked')}</span>}
      </div>
      <Note node={node} />
      {node.answers && (
        <>
          <dl className="figures cluster-figures">
            {mainKinds.map((kind) => (
              <Figure key={kind} label={named(language, 'sum', kind)} id={kind}>
                {number(node.counts[`${kind} entities`] ?? 0)}
              </Figure>
            ))}
            <Figure label={c('sum.connections')} id="connections">
              {number(node.counts['connections'] ?? 0)}
            </Figure>
            <Figure label={c('col.waiting')} id="waiting">
              {number(node.counts['messages waiting'] ?? 0)}
            </Figure>
          </dl>
          <Chart values={history} label={c('chart', { node: node.node, count: node.counts['connections'] ?? 0 })} />
        </>
      )}
      <Facts node={node} />
      {drain && (
        <div className="cluster-node-foot">
          <button
            type="button"
            className="button button-small button-quiet"
            data-testid="drain"
            aria-label={c('drain_label', { node: node.node })}
            aria-describedby={hint}
            disabled={drain.isLast}
            onClick={drain.begin}
          >
            {c('drain')}
          </button>
          {hint && (
            <p className="hint" id={hint}>
              {c('drain_last')}
            </p>
          )}
        </div>
      )}
    </li>
  );
}

function Note({ node }: { node: NodeFacts }) {
  const { c, number, span } = useClusterTexts();
  const standing = standingOf(node);
  const heard = node.heard_ago_ms;
  switch (standing) {
    case 'silent':
      return (
        <p className="cluster-note cluster-note-bad">
          {heard === null ? c('note.silent_never') : c('note.silent', { time: heard < 1000 ? c('below_second') : span(heard / 1000) })}
        </p>
      );
    case 'suspected':
    case 'dead':
      return <p className="cluster-note cluster-note-bad">{c(`note.${standing}`)}</p>;
    case 'draining':
      return (
        <p className="cluster-note" data-testid="left" data-left={leftToGive(node)}>
          {c('note.draining', { count: number(leftToGive(node)) })}
        </p>
      );
    case 'joining':
    case 'drained':
    case 'left':
      return <p className="cluster-note">{c(`note.${standing}`)}</p>;
    default:
      return null;
  }
}

function Facts({ node }: { node: NodeFacts }) {
  const { c, language, span } = useClusterTexts();
  const others = heldBy(node).filter(({ kind, count }) => !mainKinds.includes(kind) && count > 0);
  const rows: [string, string][] = [];
  if (node.answers) {
    rows.push([c('fact.version'), node.version], [c('fact.uptime'), span(node.uptime_s)]);
  }
  rows.push([c('fact.roles'), node.roles.join(', ')], [c('fact.address'), node.address]);
  if (node.answers) {
    rows.push([c('fact.ports'), c(node.rtmp_port > 0 ? 'ports' : 'ports_http', { http: node.http_port, rtmp: node.rtmp_port })]);
  }
  if (node.heard_ago_ms !== null && isLive(node)) {
    rows.push([c('fact.heard'), c('ago', { time: node.heard_ago_ms < 1000 ? c('below_second') : span(node.heard_ago_ms / 1000) })]);
  }
  return (
    <>
      <dl className="cluster-facts">
        {rows
          .filter(([, value]) => value !== '')
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {others.length > 0 && (
        <p className="hint">
          {c('also', { list: others.map(({ kind, count }) => `${count} ${named(language, 'kind', kind)}`).join(', ') })}
        </p>
      )}
    </>
  );
}

export function Figure({ label, id, children }: { label: string; id: string; children: ReactNode }) {
  return (
    <div className="figure">
      <dt className="figure-label">{label}</dt>
      <dd className="figure-value" data-testid={`figure-${id}`}>
        {children}
      </dd>
    </div>
  );
}

function Chart({ values, label }: { values: number[]; label: string }) {
  const width = 240;
  const height = 28;
  return (
    <svg className="chart cluster-chart" viewBox={`0 -2 ${width} ${height + 4}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path className="chart-base" d={`M0 ${height}H${width}`} />
      {values.length > 1 && <path className="chart-line" d={sparkline(values, width, height, historySlots)} />}
    </svg>
  );
}
