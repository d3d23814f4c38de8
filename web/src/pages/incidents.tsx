// SPDX-License-Identifier: Apache-2.0
// Incidents: the audits of one attack, with its story.
import { useState } from 'preact/hooks';
import { get, query, send } from '../core/api';
import { plural, shortImage } from '../core/format';
import { Icon } from '../core/icons';
import { incidents } from '../core/live';
import { Link } from '../core/router';
import type { Audit, Incident, Page } from '../core/types';
import { Empty, Failure, Loading, SeverityTag, Time, useLoad } from '../core/ui';
import { AuditRow } from './audit_row';

const STATES = [['', 'All'], ['open', 'Open'], ['acknowledged', 'Acknowledged']] as const;

export function IncidentsPage() {
  const [state, setState] = useState('');
  const { data, error, reload } = useLoad((signal) => get<Page<Incident>>(`/incidents${query({ state, limit: 100 })}`, signal), [state]);
  const live = new Map(incidents.value.map((i) => [i.id, i]));
  const merged = new Map((data?.items ?? []).map((i) => [i.id, live.get(i.id) ?? i]));

  for (const i of incidents.value) if (!merged.has(i.id)) merged.set(i.id, i);
  const items = [...merged.values()].filter((i) => !state || i.state === state).sort((a, b) => (a.updated < b.updated ? 1 : -1));
  return (
    <section class="page" data-testid="incidents">
      <header class="page-head">
        <div><h1>Incidents</h1><p class="muted">The audits of one attack, told together.</p></div>
        <div class="segmented" role="radiogroup" aria-label="State">
          {STATES.map(([value, text]) => (
            <button key={value} type="button" role="radio" aria-checked={state === value} onClick={() => setState(value)}>{text}</button>
          ))}
        </div>
      </header>
      {error ? <Failure error={error} retry={reload} /> : null}
      {!data && !error && <Loading />}
      {data && items.length === 0 && (
        <Empty icon="shield" title={state ? `No ${state} incident` : 'No incident'}>When a rule is broken, what belongs together is told here as one story.</Empty>
      )}
      <ul class="cards">{items.map((i) => <IncidentCard key={i.id} incident={i} />)}</ul>
    </section>
  );
}

function IncidentCard({ incident: i }: { incident: Incident }) {
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const acknowledge = async () => {
    try {
      const now = await send<Incident>('POST', `/incidents/${encodeURIComponent(i.id)}/ack`);
      incidents.value = incidents.value.map((o) => (o.id === i.id ? { ...o, ...now } : o));
      setError(null);
    } catch (e) {
      setError(e);
    }
  };

  return (
    <li class={`card incident severity-edge-${i.severity ?? 'low'}`} data-testid="incident" data-id={i.id} data-state={i.state}>
      <div class="incident-head">
        <h2>{i.category}</h2>
        <SeverityTag severity={i.severity} />
        <span class={`tag ${i.state === 'open' ? 'effect-alert' : 'plain'}`}><Icon name={i.state === 'open' ? 'incident' : 'check'} size={13} />{i.state}</span>
        <span class="spacer" />
        <span class="muted"><Time value={i.updated} /></span>
      </div>
      <p class="story">{i.story}</p>
      <div class="incident-foot">
        <span class="muted inline"><Icon name="container" size={15} />{i.container.name} <span class="mono">{shortImage(i.container.image)}</span></span>
        <span class="muted">{plural(i.audits, 'audit')}, opened <Time value={i.opened} /></span>
        <span class="spacer" />
        {i.container.id && <Link class="button" href={`/forensics/${encodeURIComponent(i.container.id)}`}><Icon name="microscope" size={16} />Microscope</Link>}
        <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}>{open ? 'Hide audits' : 'Show audits'}</button>
        {i.state === 'open' && <button type="button" class="button primary" data-testid="incident-ack" onClick={() => void acknowledge()}>Acknowledge</button>}
      </div>
      {error ? <Failure error={error} /> : null}
      {open && <IncidentAudits id={i.id} />}
    </li>
  );
}

function IncidentAudits({ id }: { id: string }) {
  const version = incidents.value.find((i) => i.id === id)?.updated;
  const { data, error } = useLoad((signal) => get<Incident & { items: Audit[] }>(`/incidents/${encodeURIComponent(id)}`, signal), [id, version]);

  if (!data) return error ? <Failure error={error} /> : <Loading />;
  return <ul class="rows">{(data.items ?? []).map((a) => <AuditRow key={a.id} audit={a} />)}</ul>;
}
