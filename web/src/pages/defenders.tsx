// SPDX-License-Identifier: Apache-2.0
// How this host is protected: sensors, enforcers, engines, and what was not seen.
import { bytes, count, when } from '../core/format';
import { Icon } from '../core/icons';
import { status } from '../core/live';
import type { SensorStatus } from '../core/types';
import { Loading } from '../core/ui';

export function DefendersPage() {
  const s = status.value;

  return (
    <section class="page" data-testid="defenders">
      <header class="page-head">
        <div><h1>Defenders</h1><p class="muted">What watches and what enforces on each host, and what it could not see.</p></div>
      </header>
      {!s ? <Loading /> : (
        <>
          <div class="card host-card">
            <div class="host-line">
              <span class={`panel-icon color-${s.ready ? 'green' : 'red'}`}><Icon name="defender" size={24} /></span>
              <div>
                <h2>{s.host ?? 'this host'}</h2>
                <p class="muted">kernel {s.kernel ?? '–'}, Seawall {s.version ?? '–'}</p>
              </div>
              <span class="spacer" />
              <span class={`tag ${s.ready ? 'state-running' : 'effect-block'}`} data-testid="defender-ready" data-ready={s.ready}>
                <Icon name={s.ready ? 'check' : 'incident'} size={13} />{s.ready ? 'enforcing' : 'not enforcing'}
              </span>
            </div>
            <div class="numbers">
              <Number name="Containers" value={count(s.containers)} />
              <Number name="Policy revision" value={count(s.policy_revision)} />
              <Number name="Events seen" value={count(s.events.seen)} />
              <Number name="Dropped, security" value={count(s.events.dropped_security)} bad={s.events.dropped_security > 0} />
              <Number name="Dropped, bulk" value={count(s.events.dropped_bulk)} bad={s.events.dropped_bulk > 0} />
              <Number name="Blind" value={`${count(s.events.blind_ms)} ms`} bad={s.events.blind_ms > 0} />
              <Number name="Memory" value={bytes(s.defender.rss)} />
              <Number name="CPU" value={`${s.defender.cpu_percent.toFixed(1)} %`} />
            </div>
          </div>
          {s.warnings.length > 0 && (
            <ul class="warnings">{s.warnings.map((w) => <li key={w} class="notice warn"><Icon name="incident" /><span>{w}</span></li>)}</ul>
          )}
          <div class="columns">
            <Sensors title="Sensors" items={s.sensors} />
            <Sensors title="Enforcers" items={s.enforcers} />
          </div>
          <div class="card">
            <h2>Container engines</h2>
            {s.runtimes.length === 0 && <p class="muted">No engine was found. Start Docker or containerd; it is picked up by itself.</p>}
            <table class="table">
              <tbody>
                {s.runtimes.map((r) => (
                  <tr key={`${r.kind} ${r.socket}`}>
                    <td><strong>{r.kind}</strong> <span class="muted">{r.version}</span></td>
                    <td class="mono">{r.socket}</td>
                    <td><span class={`tag ${r.state === 'connected' ? 'state-running' : 'effect-alert'}`}><Icon name={r.state === 'connected' ? 'check' : 'incident'} size={13} />{r.state}</span></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

function Number({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return <div class={bad ? 'number bad' : 'number'}><span class="value">{value}</span><span class="muted">{name}</span></div>;
}

const STATE_CLASS = { on: 'state-running', off: 'plain', failed: 'effect-block' } as const;
const STATE_ICON = { on: 'check', off: 'minus', failed: 'incident' } as const;

function Sensors({ title, items }: { title: string; items: SensorStatus[] }) {
  return (
    <div class="card">
      <h2>{title}</h2>
      {items.length === 0 && <p class="muted">None reported.</p>}
      <ul class="sensors">
        {items.map((i) => (
          <li key={i.name} data-testid="sensor" data-name={i.name} data-state={i.state}>
            <span class={`tag ${STATE_CLASS[i.state] ?? 'plain'}`}><Icon name={STATE_ICON[i.state] ?? 'info'} size={13} />{i.state}</span>
            <div>
              <strong>{i.name}</strong>
              {i.reason && <p class="muted">{i.reason}</p>}
              {i.verified_at && <p class="muted">verified {when(i.verified_at)}</p>}
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
