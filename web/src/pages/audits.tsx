// SPDX-License-Identifier: Apache-2.0
// All audits, newest first, live, with filters that are part of the address.
import { useState } from 'preact/hooks';
import { get, query } from '../core/api';
import { detectionTitle } from '../core/format';
import { recentAudits } from '../core/live';
import { location, navigate } from '../core/router';
import type { Audit, Page } from '../core/types';
import { Empty, Failure, Loading, useLoad } from '../core/ui';
import { AuditRow } from './audit_row';

const KINDS = ['runtime', 'access', 'admin', 'system'];
const SEVERITIES = ['critical', 'high', 'medium', 'low'];
const EFFECTS = ['alert', 'prevent', 'block'];
const DETECTIONS = ['crypto_miner', 'denied_process', 'denied_port', 'denied_address'];
const PAGE = 100;

function setFilter(name: string, value: string): void {
  const q = new URLSearchParams(location.value.query);

  if (value) q.set(name, value);
  else q.delete(name);
  navigate(`/audits${q.toString() ? `?${q}` : ''}`, true);
}

interface SelectProps {
  name: string;
  all: string;
  values: string[];
  text?: (v: string) => string;
}

function Select({ name, all, values, text = (v) => v }: SelectProps) {
  const value = location.value.query.get(name) ?? '';

  return (
    <select aria-label={name} value={value} class={value ? 'set' : ''} onChange={(e) => setFilter(name, e.currentTarget.value)}>
      <option value="">{all}</option>
      {values.map((v) => <option key={v} value={v}>{text(v)}</option>)}
    </select>
  );
}

function matches(a: Audit, q: URLSearchParams): boolean {
  const container = q.get('container');

  return ['kind', 'detection', 'severity', 'effect'].every((f) => !q.get(f) || q.get(f) === (a as unknown as Record<string, unknown>)[f]) &&
    (!container || a.container.name === container || Boolean(a.container.id?.startsWith(container)));
}

export function AuditsPage() {
  const q = location.value.query;
  const filter = Object.fromEntries(['kind', 'detection', 'severity', 'effect', 'container'].map((f) => [f, q.get(f)]));
  const [older, setOlder] = useState<{ key: string; items: Audit[]; next: string | null } | null>(null);
  const key = JSON.stringify(filter);
  const { data, error, reload } = useLoad((signal) => get<Page<Audit>>(`/audits${query({ ...filter, limit: PAGE })}`, signal), [key]);
  const more = older?.key === key ? older : null;
  const loaded = [...(data?.items ?? []), ...(more?.items ?? [])];
  const next = more ? more.next : (data?.next ?? null);
  const live = recentAudits.value.filter((a) => matches(a, q));
  const seen = new Map([...loaded, ...live].map((a) => [a.id, a]));
  const items = [...seen.values()].sort((a, b) => ((b.last ?? b.time) < (a.last ?? a.time) ? -1 : 1));
  const filtered = Object.values(filter).some(Boolean);
  const loadMore = async () => {
    const page = await get<Page<Audit>>(`/audits${query({ ...filter, limit: PAGE, cursor: next })}`);
    setOlder({ key, items: [...(more?.items ?? []), ...page.items], next: page.next });
  };

  return (
    <section class="page" data-testid="audits">
      <header class="page-head">
        <div><h1>Audits</h1><p class="muted">What rules found, and what was done about it. Repeats are counted, never dropped.</p></div>
        <div class="filters">
          <Select name="kind" all="Every kind" values={KINDS} />
          <Select name="detection" all="Every detection" values={DETECTIONS} text={detectionTitle} />
          <Select name="severity" all="Every severity" values={SEVERITIES} />
          <Select name="effect" all="Every effect" values={EFFECTS} />
          <input type="search" placeholder="Container" aria-label="container" value={filter.container ?? ''}
            onChange={(e) => setFilter('container', e.currentTarget.value.trim())} />
        </div>
      </header>
      {error ? <Failure error={error} retry={reload} /> : null}
      {!data && !error && <Loading />}
      {data && items.length === 0 && (
        filtered
          ? <Empty icon="search" title="No audit matches"><button type="button" class="button" onClick={() => navigate('/audits', true)}>Remove the filters</button></Empty>
          : <Empty icon="shield" title="Nothing to report">No rule was broken. To see Seawall act on a harmless attack, run <code>seawall drill graboid</code>.</Empty>
      )}
      <ul class="cards">{items.map((a) => <AuditRow key={a.id} audit={a} wide />)}</ul>
      {next && <p class="centered"><button type="button" class="button" onClick={() => void loadMore()}>Older audits</button></p>}
    </section>
  );
}
