// SPDX-License-Identifier: GPL-3.0-or-later
// What is on its way between nodes now, and what happened since the page was opened.
import { movesIn, type Move } from './model';
import { useClusterTexts, whyText } from './texts';
import type { Cluster, SaidLine, Seen } from './use_cluster';

export function Moves({ seen, cluster }: { seen: Seen; cluster: Cluster }) {
  const { c, language } = useClusterTexts();
  const moves = new Map<string, Move>();
  cluster.moving.forEach((to, name) => moves.set(name, { name, from: null, to }));
  for (const move of movesIn(seen.entities)) {
    moves.set(move.name, { ...move, to: move.to ?? moves.get(move.name)?.to ?? null });
  }
  return (
    <section className="panel" aria-labelledby="cluster-moves" data-testid="moves">
      <h2 id="cluster-moves">{c('moves')}</h2>
      {moves.size === 0 ? (
        <p className="cluster-soft">{c('moves_none')}</p>
      ) : (
        <ul className="cluster-list" aria-label={c('on_its_way')}>
          {[...moves.values()].map((move) => (
            <li key={move.name} data-testid="on-its-way">
              <span className="spinner cluster-spinner" aria-hidden="true" />
              <span>
                <b>{move.name}</b> {c('way', { from: move.from ?? homeOf(seen, move.name) ?? c('somewhere'), to: move.to ?? c('somewhere') })}
              </span>
            </li>
          ))}
        </ul>
      )}
      <h3 id="cluster-log">{c('log')}</h3>
      <ol className="cluster-list cluster-log" role="log" aria-live="polite" aria-labelledby="cluster-log" data-testid="cluster-log">
        {cluster.said.map((line) => (
          <li key={line.id} data-what={line.what}>
            <time dateTime={new Date(line.at).toISOString()}>{new Date(line.at).toLocaleTimeString(language)}</time>
            <span>
              <Sentence line={line} />
            </span>
          </li>
        ))}
      </ol>
      {cluster.said.length === 0 && <p className="cluster-soft">{c('log_none')}</p>}
    </section>
  );
}

function homeOf(seen: Seen, name: string): string | null {
  return seen.entities.find((e) => e.name === name)?.node ?? null;
}

function Sentence({ line }: { line: SaidLine }) {
  const { c, language } = useClusterTexts();
  switch (line.what) {
    case 'moved': {
      const { name, from, to, pauseMs } = line;
      if (pauseMs === null) {
        return c('said.moved', { name, from, to });
      }
      const pause = c('ms', { value: pauseMs.toLocaleString(language, { maximumFractionDigits: 1 }) });
      return c('said.moved_pause', { name, from, to, pause });
    }
    case 'move_failed':
      return c('said.move_failed', { name: line.name, why: whyText(language, line.code) });
    case 'drain_begun':
      return c('said.drain_begun', { node: line.node });
    case 'drain_failed':
      return c('said.drain_failed', { node: line.node, why: whyText(language, line.code) });
    case 'node': {
      const now = c(`node.${line.now}`);
      return line.was === null ? c('said.node_new', { node: line.node, now }) : c('said.node', { node: line.node, was: c(`node.${line.was}`), now });
    }
  }
}
