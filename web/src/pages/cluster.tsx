// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes, for administrators: how they stand, what lives where, and to move it.
import { useSession } from '../api/session';
import { GhostLight } from '../components/poster';
import { Notice } from '../components/ui';
import { guideAddress } from '../cluster/guide';
import { isAlone as aloneIn, isLive, standingOf } from '../cluster/model';
import { Moves } from '../cluster/moves';
import { Figure, Nodes } from '../cluster/nodes';
import { Places } from '../cluster/places';
import { useClusterTexts, whyText } from '../cluster/texts';
import { Tree } from '../cluster/tree';
import { useCluster, type Cluster, type Seen } from '../cluster/use_cluster';
import { useTitle } from '../i18n/context';
import { useNow } from '../lib/poll';
import { Link } from '../router';
import '../cluster/cluster.css';

export default function ClusterPage() {
  const { c, t } = useClusterTexts();
  const { state, user } = useSession();
  useTitle(c('title'));
  if (state === 'in' && user?.is_administrator) {
    return <Board />;
  }
  return (
    <section className="empty" data-testid="no-cluster" data-session={state}>
      <GhostLight />
      <div>
        <h1>{c('title')}</h1>
        {state === 'in' && <p className="lead">{c('not_yours')}</p>}
        {state === 'out' && (
          <>
            <p className="lead">{c('log_in_first')}</p>
            <Link to="/login?next=/cluster" className="button">
              {t('nav.log_in')}
            </Link>
          </>
        )}
      </div>
    </section>
  );
}

function Board() {
  const { c, language } = useClusterTexts();
  const cluster = useCluster();
  const { seen, poll } = cluster;
  if (poll?.code === 'forbidden') {
    return <Notice kind="error">{c('not_yours')}</Notice>; // an administrator until a moment ago
  }
  const isAlone = seen !== null && aloneIn(seen.facts);
  return (
    <div className="cluster" data-testid="cluster" data-nodes={seen?.facts.nodes.length ?? 0} data-alone={isAlone}>
      <div className="studio-head cluster-head">
        <h1>{c('title')}</h1>
        <LiveMark cluster={cluster} />
        {seen && (
          <p className="hint cluster-asked">
            {c('asked', { node: seen.facts.asked })}
            {seen.facts.view > 0 && ` · ${c('view', { view: seen.facts.view })}`}
          </p>
        )}
      </div>
      {poll?.code && poll.code !== 'network' && poll.code !== 'timeout' && <Notice kind="error">{whyText(language, poll.code)}</Notice>}
      {!seen && !poll?.code && <p className="lead" role="status">{c('loading')}</p>}
      {seen && (
        <>
          {isAlone && <Grow />}
          <Sums seen={seen} />
          <Nodes seen={seen} cluster={cluster} isAlone={isAlone} />
          <div className="cluster-columns">
            <div className="cluster-column">
              <Places seen={seen} cluster={cluster} isAlone={isAlone} />
            </div>
            <div className="cluster-column">
              {!isAlone && <Moves seen={seen} cluster={cluster} />}
              <Tree seen={seen} />
            </div>
          </div>
        </>
      )}
    </div>
  );
}

/** Whether what is shown is of now; with how long until it is asked again. */
function LiveMark({ cluster }: { cluster: Cluster }) {
  const { c, language } = useClusterTexts();
  const now = useNow();
  const { poll, seen } = cluster;
  const failing = (poll?.failures ?? 0) > 0;
  if (!failing) {
    return seen ? (
      <span className="pill cluster-pill-live" data-testid="live-mark" data-failing="false">
        {c('live')}
      </span>
    ) : null;
  }
  const seconds = Math.max(0, Math.ceil(((poll?.againAt ?? now) - now) / 1000));
  return (
    <span className="cluster-lost" data-testid="live-mark" data-failing="true">
      <span className="cluster-warn">{seconds > 0 ? c('lost', { seconds }) : c('lost_now')}</span>
      <button type="button" className="link-button" onClick={cluster.askNow}>
        {c('try_now')}
      </button>
      {seen && <span className="hint">{c('stale', { time: new Date(seen.at).toLocaleTimeString(language) })}</span>}
      <span className="cluster-unseen" role="alert">
        {c('lost_now')}
      </span>
    </span>
  );
}

function Sums({ seen }: { seen: Seen }) {
  const { c, number } = useClusterTexts();
  const live = seen.facts.nodes.filter(isLive);
  const sum = (name: string) => number(live.reduce((all, node) => all + (node.counts[name] ?? 0), 0));
  const expected = seen.facts.nodes.filter((node) => node.state !== 'left').length; // the dead are missed
  const active = live.filter((node) => standingOf(node) === 'active').length;
  return (
    <section className="panel">
      <dl className="figures cluster-sums">
        <Figure label={c('sum.nodes')} id="sum-nodes">{c('of', { count: active, all: expected })}</Figure>
        <Figure label={c('sum.room')} id="sum-room">{sum('room entities')}</Figure>
        <Figure label={c('sum.stream')} id="sum-stream">{sum('stream entities')}</Figure>
        <Figure label={c('sum.viewer')} id="sum-viewer">{sum('viewer entities')}</Figure>
        <Figure label={c('sum.connections')} id="sum-connections">{sum('connections')}</Figure>
        <Figure label={c('sum.waiting')} id="sum-waiting">{sum('messages waiting')}</Figure>
      </dl>
    </section>
  );
}

function Grow() {
  const { c } = useClusterTexts();
  return (
    <section className="panel" aria-labelledby="cluster-grow" data-testid="grow">
      <h2 id="cluster-grow">{c('alone_title')}</h2>
      <p>{c('alone_text')}</p>
      <ol className="steps">
        <li>{c('alone_1')}</li>
        <li>{c('alone_2')}</li>
        <li>{c('alone_3')}</li>
      </ol>
      <p>
        <a href={guideAddress} target="_blank" rel="noreferrer" data-testid="guide">
          {c('alone_docs')}
        </a>
      </p>
    </section>
  );
}
