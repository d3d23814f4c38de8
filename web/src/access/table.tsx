// SPDX-License-Identifier: Apache-2.0
// Commands as rows; each opens to all that was asked for.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { commandOf, LOCAL, saidOf, userOf, verdictOf } from '../core/commands';
import { clock, count, day, shortId, shortImage } from '../core/format';
import { Icon } from '../core/icons';
import { Link } from '../core/router';
import type { Audit } from '../core/types';
import { Time, VerdictTag } from '../core/ui';

const SHOWN = 4; // parameters of a closed row

export function CommandTable({ rows }: { rows: Audit[] }) {
  return (
    <div class="log card" role="table" aria-label="Engine commands">
      <div class="log-head" role="row">
        {['Time', 'User', 'Command', 'Verdict'].map((t) => <span key={t} role="columnheader">{t}</span>)}
      </div>
      {rows.map((a) => <CommandRow key={a.id} audit={a} />)}
    </div>
  );
}

// What the command is about, as people call it.
function target(a: Audit): string {
  const t = commandOf(a).target ?? '';

  return /^[0-9a-f]{64}$/.test(t) ? (a.container.name ?? shortId(t)) : shortImage(t);
}

export function CommandRow({ audit: a }: { audit: Audit }) {
  const [open, setOpen] = useState(false);
  const c = commandOf(a);
  const verdict = verdictOf(a);
  const at = a.last ?? a.time;
  const more = c.parameters.length - SHOWN;
  const said = saidOf(a);

  return (
    <div class={`log-row verdict-${verdict} ${open ? 'open' : ''}`} role="row" data-testid="access-row" data-id={a.id} data-user={userOf(c)} data-action={c.action ?? ''}
      data-target={c.target ?? ''} data-verdict={verdict} data-count={a.count}>
      <span class="log-time" role="cell" title={at}>
        <time dateTime={at}>{clock(at)}</time>
        {day(at) !== day(new Date().toISOString()) && <span class="muted">{day(at)}</span>}
      </span>
      <span class="log-user" role="cell">
        <strong class={c.user ? '' : 'nobody'}>{userOf(c)}</strong>
        {(c.groups.length > 0 || c.address) && <span class="muted">{[c.groups.join(', '), c.address].filter(Boolean).join(' · ')}</span>}
      </span>
      <span class="log-what" role="cell">
        <button type="button" class="log-open" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span class="mono action">{c.action ?? '?'}</span> {target(a)}
          <Icon name="right" size={13} class="icon chevron" />
        </button>
        {c.parameters.length > 0 && (
          <span class="parameters">
            {c.parameters.slice(0, open ? undefined : SHOWN).map((p) => <code key={p}>{p}</code>)}
            {!open && more > 0 && <span class="muted">+{more}</span>}
          </span>
        )}
        {verdict !== 'allow' && a.message && (
          <span class="log-reason" data-testid="access-reason">{said.rule && <Link href="/policy?area=access">{said.rule}</Link>}{said.rule && said.reason && ': '}{said.reason}</span>
        )}
      </span>
      <span class="log-verdict" role="cell">
        <VerdictTag verdict={verdict} />
        {a.count > 1 && <span class="tag plain" data-testid="access-count" title={`${count(a.count)} times, first ${a.first ?? a.time}`}>{count(a.count)}×</span>}
      </span>
      {open && <Detail audit={a} />}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}

function Detail({ audit: a }: { audit: Audit }) {
  const c = commandOf(a);

  return (
    <dl class="facts log-detail">
      <Fact name="User">{userOf(c)}{c.groups.length > 0 ? ` (${c.groups.join(', ')})` : ''}{c.address ? ` from ${c.address}` : c.user ? '' : ', on this host'}</Fact>
      {c.path && <Fact name="Request"><span class="mono">{c.method} {c.path}</span></Fact>}
      {c.target && <Fact name="Target"><span class="mono">{c.target}</span></Fact>}
      {a.container.id && (
        <Fact name="Container">
          {a.container.name} <span class="mono muted">{shortId(a.container.id)}</span>{' '}
          <Link href={`/forensics/${encodeURIComponent(a.container.id)}`}>Open in the microscope</Link>
        </Fact>
      )}
      {a.container.image && <Fact name="Image"><span class="mono">{a.container.image}</span></Fact>}
      <Fact name="Rule">
        {a.rule ? <><Link href="/policy?area=access">{a.rule}</Link> <span class="muted">of policy revision {a.revision}</span></> : <span class="muted">none matches: allowed</span>}
      </Fact>
      {a.message && <Fact name="Message">{a.message}</Fact>}
      {a.count > 1 && <Fact name="Repeated">{count(a.count)} times, from <Time value={a.first} /> to <Time value={a.last} /></Fact>}
      {a.host && <Fact name="Host">{a.host}</Fact>}
      {userOf(c) === LOCAL && <Fact name="Note"><span class="muted">Whoever may use the socket of the engine is not told apart. Certificates give commands a name.</span></Fact>}
    </dl>
  );
}
