// SPDX-License-Identifier: Apache-2.0
// All audits, newest first, live, with filters that are part of the address.
import { get, query } from '../core/api';
import { isRoutine, newestFirst } from '../core/commands';
import { FilterInput, FilterSelect } from '../core/filters';
import { detectionTitle } from '../core/format';
import { generation, recentAudits, recentCommands } from '../core/live';
import { useBackwards } from '../core/paging';
import { location, navigate } from '../core/router';
import type { Audit, Page } from '../core/types';
import { Empty, Failure, Loading } from '../core/ui';
import { AuditRow } from './audit_row';

const KINDS = ['runtime', 'trust', 'compliance', 'vulnerability', 'access', 'admin', 'system'];
const SEVERITIES = ['critical', 'high', 'medium', 'low'];
const EFFECTS = ['alert', 'prevent', 'block'];
const DETECTIONS = ['crypto_miner', 'denied_process', 'denied_port', 'denied_address'];
const PAGE = 100;

function matches(a: Audit, q: URLSearchParams): boolean {
  const container = q.get('container');

  return ['kind', 'detection', 'severity', 'effect'].every((f) => !q.get(f) || q.get(f) === (a as unknown as Record<string, unknown>)[f]) &&
    (!container || a.container.name === container || Boolean(a.container.id?.startsWith(container)));
}

// Commands that nobody objected to have a page of their own; asked for by name they are here too.
function wanted(a: Audit, q: URLSearchParams): boolean {
  return q.get('kind') === 'access' || !isRoutine(a);
}

export function AuditsPage() {
  const q = location.value.query;
  const filter = Object.fromEntries(['kind', 'detection', 'severity', 'effect', 'container'].map((f) => [f, q.get(f)]));
  const found = useBackwards((cursor, signal) => get<Page<Audit>>(`/audits${query({ ...filter, limit: PAGE, cursor })}`, signal),
    (a) => wanted(a, q), PAGE / 2, [JSON.stringify(filter), generation.value]);
  const live = (q.get('kind') === 'access' ? recentCommands : recentAudits).value.filter((a) => matches(a, q));
  const items = newestFirst([...found.items, ...live]);
  const filtered = Object.values(filter).some(Boolean);

  return (
    <section class="page" data-testid="audits">
      <header class="page-head">
        <div><h1>Audits</h1><p class="muted">What rules found, and what was done about it. Repeats are counted, never dropped.</p></div>
        <div class="filters">
          <FilterSelect name="kind" all="Every kind" values={KINDS} />
          <FilterSelect name="detection" all="Every detection" values={DETECTIONS} text={detectionTitle} />
          <FilterSelect name="severity" all="Every severity" values={SEVERITIES} />
          <FilterSelect name="effect" all="Every effect" values={EFFECTS} />
          <FilterInput name="container" placeholder="Container" />
        </div>
      </header>
      {found.error ? <Failure error={found.error} retry={found.reload} /> : null}
      {!found.loaded && !found.error && <Loading />}
      {found.loaded && items.length === 0 && (
        filtered
          ? <Empty icon="search" title="No audit matches"><button type="button" class="button" onClick={() => navigate('/audits', true)}>Remove the filters</button></Empty>
          : <Empty icon="shield" title="Nothing to report">No rule was broken. To see Seawall act on a harmless attack, run <code>seawall drill graboid</code>.</Empty>
      )}
      <ul class="cards">{items.map((a) => <AuditRow key={a.id} audit={a} wide />)}</ul>
      {found.next && <p class="centered"><button type="button" class="button" disabled={found.busy} onClick={found.more}>Older audits</button></p>}
    </section>
  );
}
