// SPDX-License-Identifier: GPL-3.0-or-later
// What lives where, and to move it.
import { useId, useState, type FormEvent } from 'react';
import { Dialog } from '../components/ui';
import { Link } from '../router';
import { chosen, heldBy, isLive, isMovable, targetsFor, type Entity, type Wanted } from './model';
import { named, useClusterTexts } from './texts';
import type { NodeFacts } from './types';
import type { Cluster, Seen } from './use_cluster';
import './places.css';

const rowsAtOnce = 50;

export function Places({ seen, cluster, isAlone }: { seen: Seen; cluster: Cluster; isAlone: boolean }) {
  const { c, number } = useClusterTexts();
  const [wanted, setWanted] = useState<Wanted>({ kind: '', node: '', text: '' });
  const [most, setMost] = useState(rowsAtOnce);
  const [asking, setAsking] = useState<Entity | null>(null);
  const found = chosen(seen.entities, wanted);
  const rows = found.slice(0, most);
  const silent = seen.facts.nodes.filter((n) => isLive(n) && !n.answers).map((n) => n.node).join(', ');
  return (
    <section className="panel" aria-labelledby="cluster-places" data-testid="places">
      <div className="cluster-panel-head">
        <h2 id="cluster-places">{c('places')}</h2>
        <span className="hint" role="status">
          {c('found', { count: number(found.length) })}
        </span>
      </div>
      <Filters seen={seen} wanted={wanted} change={setWanted} />
      {rows.length === 0 ? (
        <p className="cluster-soft">{c('none_found')}</p>
      ) : (
        // Roles by name: on a phone rows are no table rows for CSS, and some browsers take that for what they are.
        <table className="cluster-table" role="table">
          <thead role="rowgroup">
            <tr role="row">
              <th scope="col" role="columnheader">{c('col.name')}</th>
              <th scope="col" role="columnheader">{c('col.node')}</th>
              <th scope="col" role="columnheader">{c('col.state')}</th>
              <th scope="col" role="columnheader" className="cluster-number">{c('col.waiting')}</th>
              <th scope="col" role="columnheader" className="cluster-number">{c('col.restarts')}</th>
              {!isAlone && (
                <th scope="col" role="columnheader">
                  <span className="cluster-unseen">{c('col.action')}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {rows.map((entity, i) => (
              <Row
                // The row, and the focus in it, stays when its node changes; while it moves two nodes may name it.
                key={rows[i - 1]?.name === entity.name ? `${entity.name}@${entity.node}` : entity.name}
                entity={entity}
                to={cluster.moving.get(entity.name) ?? null}
                move={isAlone ? null : () => setAsking(entity)}
              />
            ))}
          </tbody>
        </table>
      )}
      {found.length > most && (
        <button type="button" className="button button-small button-quiet cluster-more" onClick={() => setMost(most + rowsAtOnce)}>
          {c('more', { count: number(Math.min(rowsAtOnce, found.length - most)) })}
        </button>
      )}
      {silent !== '' && <p className="hint">{c('not_listed', { nodes: silent })}</p>}
      {!seen.isWhole && <p className="hint">{c('not_whole')}</p>}
      {asking && (
        <MoveDialog
          entity={asking}
          nodes={seen.facts.nodes}
          onClose={() => setAsking(null)}
          onMove={(to) => void cluster.move(asking.name, asking.node, to)}
        />
      )}
    </section>
  );
}

function Filters({ seen, wanted, change }: { seen: Seen; wanted: Wanted; change: (wanted: Wanted) => void }) {
  const { c, language } = useClusterTexts();
  const id = useId();
  const kinds = [...new Set(seen.entities.map((e) => e.kind))].sort();
  return (
    <div className="cluster-filters">
      <div className="cluster-filter cluster-filter-wide">
        <label htmlFor={`${id}t`}>{c('search')}</label>
        <input
          id={`${id}t`}
          type="search"
          value={wanted.text}
          placeholder={c('search_hint')}
          maxLength={120}
          autoCapitalize="none"
          spellCheck={false}
          data-testid="search"
          onChange={(event) => change({ ...wanted, text: event.target.value })}
        />
      </div>
      <div className="cluster-filter">
        <label htmlFor={`${id}k`}>{c('kind')}</label>
        <select id={`${id}k`} value={wanted.kind} data-testid="kind" onChange={(event) => change({ ...wanted, kind: event.target.value })}>
          <option value="">{c('kind.movable')}</option>
          <option value="*">{c('kind.all')}</option>
          {kinds.map((kind) => (
            <option key={kind} value={kind}>
              {named(language, 'kind', kind)}
            </option>
          ))}
        </select>
      </div>
      <div className="cluster-filter">
        <label htmlFor={`${id}n`}>{c('node')}</label>
        <select id={`${id}n`} value={wanted.node} data-testid="node-filter" onChange={(event) => change({ ...wanted, node: event.target.value })}>
          <option value="">{c('node_all')}</option>
          {seen.facts.nodes.map(({ node }) => (
            <option key={node} value={node}>
              {node}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

interface RowProps {
  entity: Entity;
  /** Where it goes, as asked for here. */
  to: string | null;
  move: (() => void) | null;
}

function Row({ entity, to, move }: RowProps) {
  const { c, language, number } = useClusterTexts();
  const stream = /^stream\/(\d+)$/.exec(entity.name)?.[1];
  return (
    <tr role="row" data-testid="entity" data-name={entity.name} data-node={entity.node} data-state={entity.state}>
      <th scope="row" role="rowheader">
        {stream ? (
          <Link to={`/watch/${stream}`} aria-label={c('watch', { name: entity.name })}>
            {entity.name}
          </Link>
        ) : (
          entity.name
        )}
      </th>
      <td role="cell" data-label={c('col.node')}>{to === null ? entity.node : c('way', { from: entity.node, to })}</td>
      <td role="cell" data-label={c('col.state')}>{named(language, 'state', entity.state)}</td>
      <td role="cell" data-label={c('col.waiting')} className="cluster-number">
        {number(entity.waiting)}
      </td>
      <td role="cell" data-label={c('col.restarts')} className="cluster-number">
        {number(entity.restarts)}
      </td>
      {move && (
        <td role="cell" className="cluster-action">
          {isMovable(entity.kind) && (
            <button
              type="button"
              className="button button-small button-quiet"
              data-testid="move"
              aria-label={c('move_label', { name: entity.name })}
              aria-disabled={to !== null} // keeps the focus, as disabled would not
              onClick={to === null ? move : undefined}
            >
              {c(to === null ? 'move' : 'moving')}
            </button>
          )}
        </td>
      )}
    </tr>
  );
}

interface MoveProps {
  entity: Entity;
  nodes: NodeFacts[];
  onMove: (to: string) => void;
  onClose: () => void;
}

export function MoveDialog({ entity, nodes, onMove, onClose }: MoveProps) {
  const { c, t } = useClusterTexts();
  const targets = targetsFor(entity, nodes);
  const [picked, setPicked] = useState<string | null>(null);
  // What was picked may have gone meanwhile; the dialog is open while the nodes change.
  const to = targets.find((n) => n.node === picked) ?? targets[0];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (to) {
      onClose();
      onMove(to.node);
    }
  };
  return (
    <Dialog title={c('move_question', { name: entity.name })} onClose={onClose}>
      <form className="cluster-move" onSubmit={submit}>
        {to ? (
          <>
            <p>{c('move_text')}</p>
            <fieldset>
              <legend>{c('move_to')}</legend>
              {targets.map((node) => (
                <Target key={node.node} node={node} isPicked={node === to} pick={() => setPicked(node.node)} />
              ))}
            </fieldset>
          </>
        ) : (
          <p>{c('move_none')}</p>
        )}
        <div className="dialog-actions">
          <button type="button" className="button button-quiet" autoFocus={!to} onClick={onClose}>
            {t('live.cancel')}
          </button>
          {to && (
            <button type="submit" className="button" data-testid="confirm">
              {c('move_confirm', { node: to.node })}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

function Target({ node, isPicked, pick }: { node: NodeFacts; isPicked: boolean; pick: () => void }) {
  const { c, language, number } = useClusterTexts();
  const holds = heldBy(node)
    .filter(({ kind }) => isMovable(kind))
    .map(({ kind, count }) => `${named(language, 'sum', kind)} ${number(count)}`);
  return (
    <label className="cluster-target">
      <input type="radio" name="to" value={node.node} checked={isPicked} autoFocus={isPicked} data-testid={`to-${node.node}`} onChange={pick} />
      <span className="cluster-target-name">{node.node}</span>
      <span className="hint">{[...holds, `${c('sum.connections')} ${number(node.counts['connections'] ?? 0)}`].join(' · ')}</span>
    </label>
  );
}
