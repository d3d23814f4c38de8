// SPDX-License-Identifier: Apache-2.0
// One audit as it is shown everywhere: what, by which rule, how far it got; more when opened.
import { useState } from 'preact/hooks';
import { commandOf, userOf } from '../core/commands';
import { baseName, commandLine, countryName, duration, endpoint, shortId, shortImage } from '../core/format';
import { Icon } from '../core/icons';
import { Link } from '../core/router';
import type { Audit } from '../core/types';
import { Detection, EffectTag, SeverityTag, Technique, Time } from '../core/ui';

export function AuditRow({ audit: a, open: initially = false, wide = false }: { audit: Audit; open?: boolean; wide?: boolean }) {
  const [open, setOpen] = useState(initially);
  const judged = a.effect !== 'disable' || a.done !== null; // an entry of the administration is not

  return (
    <li class={`audit severity-edge-${a.severity ?? 'low'} ${open ? 'open' : ''}`} data-testid="audit" data-id={a.id}
      data-detection={a.detection ?? ''} data-container={a.container.name ?? ''} data-effect={a.effect ?? ''}
      data-done={a.done ?? ''} data-count={a.count}>
      <button type="button" class="audit-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="audit-line">
          <Detection id={a.detection ?? a.kind} />
          <SeverityTag severity={a.severity} />
          {judged && <EffectTag effect={a.done ?? a.effect} asked={a.effect} />}
          {a.count > 1 && <span class="tag plain">{a.count}×</span>}
          <span class="spacer" />
          <Time value={a.last ?? a.time} />
        </span>
        {wide && (
          <span class="audit-line muted">
            {a.container.name && <><Icon name="container" size={14} />{a.container.name}<span class="mono">{shortImage(a.container.image)}</span></>}
          </span>
        )}
        <span class="audit-message">{a.message ?? asked(a)}</span>
      </button>
      {open && <AuditDetail audit={a} />}
    </li>
  );
}

// What was asked of the engine, where nobody objected and there is no message.
function asked(a: Audit): string {
  const c = commandOf(a);

  return c.action ? `${userOf(c)}: ${c.action} ${shortImage(c.target)}` : '';
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}

function AuditDetail({ audit: a }: { audit: Audit }) {
  const steps = [...(a.process.ancestry ?? [])].reverse();

  return (
    <div class="audit-detail">
      {a.process.pid > 0 && (
        <ol class="ancestry" aria-label="Ancestry of the process">
          {steps.map((p, i) => (
            <li key={i}><span>{baseName(p.path)}</span><span class="muted">pid {p.pid}</span><code>{commandLine(p.path, p.args)}</code></li>
          ))}
          <li class="self">
            <span>{baseName(a.process.path)}</span><span class="muted">pid {a.process.pid}{a.process.user ? `, ${a.process.user}` : ''}</span>
            <code>{commandLine(a.process.path, a.process.args)}{a.process.args_truncated ? ' …' : ''}</code>
          </li>
        </ol>
      )}
      <dl class="facts">
        {commandOf(a).action && (
          <Fact name="Command"><Link href={`/access?action=${encodeURIComponent(commandOf(a).action ?? '')}`}>{commandOf(a).action}</Link> {shortImage(commandOf(a).target)} <span class="muted">by {userOf(commandOf(a))}</span></Fact>
        )}
        {a.evidence && <Fact name="Evidence">{a.evidence}</Fact>}
        {a.process.pid === 0 && a.process.user && <Fact name="User">{a.process.user}</Fact>}
        {a.network.address && (
          <Fact name="Connection">
            <span class="mono">{endpoint(a.network.address, a.network.port)}</span> {a.network.proto ?? ''} {a.network.direction ?? ''}
            {a.network.country ? `, ${countryName(a.network.country)}` : ''}{a.network.domain ? `, ${a.network.domain}` : ''}
          </Fact>
        )}
        {a.file && <Fact name="File"><span class="mono">{a.file}</span></Fact>}
        {a.hash && <Fact name="Hash"><span class="mono">{a.hash}</span></Fact>}
        {a.rule && <Fact name="Rule"><Link href="/policy">{a.rule}</Link> <span class="muted">of policy revision {a.revision}</span></Fact>}
        {(a.effect !== 'disable' || a.done !== null) && <Fact name="Effect">asked {a.effect ?? '–'}, done {a.done ?? 'nothing'}{a.latency_ns ? ` after ${duration(a.latency_ns)}` : ''}</Fact>}
        {a.techniques.length > 0 && <Fact name="ATT&CK">{a.techniques.map((t) => <Technique key={t} id={t} />)}</Fact>}
        {a.container.id && (
          <Fact name="Container">
            {a.container.name} <span class="mono muted">{shortId(a.container.id)}</span>{' '}
            <Link href={`/forensics/${encodeURIComponent(a.container.id)}`}>Open in the microscope</Link>
          </Fact>
        )}
        {a.host && <Fact name="Host">{a.host}</Fact>}
        {a.count > 1 && <Fact name="Repeated">{a.count} times, from <Time value={a.first} /> to <Time value={a.last} /></Fact>}
      </dl>
    </div>
  );
}
