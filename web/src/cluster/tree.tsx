// SPDX-License-Identifier: GPL-3.0-or-later
// The supervision tree, a level at a time. What is closed is not drawn.
import { useState } from 'react';
import { nodesOf, type Branch } from './model';
import { named, useClusterTexts } from './texts';
import type { Seen } from './use_cluster';

const mostShown = 100;

export function Tree({ seen }: { seen: Seen }) {
  const { c } = useClusterTexts();
  return (
    <section className="panel" aria-labelledby="cluster-tree" data-testid="tree">
      <h2 id="cluster-tree">{c('tree')}</h2>
      <p className="hint">{c('tree_hint')}</p>
      <ul className="cluster-tree cluster-tree-top">
        {nodesOf(seen.roots).map((node) => (
          <Item key={node.path} branch={node} isFirstOpen={node.name === seen.facts.asked} />
        ))}
      </ul>
    </section>
  );
}

function Item({ branch, isFirstOpen = false }: { branch: Branch; isFirstOpen?: boolean }) {
  const { c, number } = useClusterTexts();
  const [isOpen, setOpen] = useState(isFirstOpen);
  if (branch.children.length === 0) {
    return (
      <li data-testid="tree-item" data-name={branch.name}>
        <div className="cluster-leaf">
          <Line branch={branch} />
        </div>
      </li>
    );
  }
  const shown = branch.children.slice(0, mostShown);
  return (
    <li data-testid="tree-item" data-name={branch.name}>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <Line branch={branch} />
        </summary>
        {isOpen && (
          <ul className="cluster-tree">
            {shown.map((child) => (
              <Item key={child.path} branch={child} />
            ))}
            {branch.children.length > shown.length && (
              <li className="cluster-leaf cluster-soft">{c('tree_more', { count: number(branch.children.length - shown.length) })}</li>
            )}
          </ul>
        )}
      </details>
    </li>
  );
}

function Line({ branch }: { branch: Branch }) {
  const { c, language, number } = useClusterTexts();
  const isUsual = branch.state === 'running' || branch.state === 'active';
  return (
    <span className="cluster-line">
      <span className="cluster-line-name">{branch.name}</span>
      <span className="cluster-line-kind">{branch.kind}</span>
      <span className={isUsual ? 'cluster-good' : 'cluster-warn'}>{named(language, 'state', branch.state)}</span>
      {branch.kind === 'kind' && <span className="hint">{number(branch.children.length)}</span>}
      {branch.restarts > 0 && <span className="cluster-warn">{c('restarts', { count: number(branch.restarts) })}</span>}
      {branch.waiting > 0 && <span className="hint">{c('waiting', { count: number(branch.waiting) })}</span>}
    </span>
  );
}
