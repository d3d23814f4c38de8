// SPDX-License-Identifier: Apache-2.0
// Rules of the gates as cards to read; a click on the line opens the place in the YAML, where they are edited.
import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from '../core/icons';
import { Empty } from '../core/ui';
import { type Area, type Fact, type GateRule, type Gates, MEANS, type TrustGroup } from './gates';

const EFFECTS: Record<string, { style: string; icon: IconName; text: string }> = {
  ignore: { style: 'plain', icon: 'minus', text: 'ignore' },
  allow: { style: 'effect-allow', icon: 'check', text: 'allow' },
  alert: { style: 'effect-alert', icon: 'incident', text: 'alert' },
  block: { style: 'effect-block', icon: 'refused', text: 'block' },
  deny: { style: 'effect-block', icon: 'refused', text: 'deny' },
};

function GateEffect({ effect }: { effect: string }) {
  const e = EFFECTS[effect] ?? { style: 'plain', icon: 'info', text: effect };
  return <span class={`tag ${e.style}`} data-testid="gate-effect" data-effect={effect} title={MEANS[effect]}><Icon name={e.icon} size={13} />{e.text}</span>;
}

const ORDER: Record<Area, string> = {
  trust: 'The first rule whose scope matches an image decides whether it may start: denied groups first, then allowed ones.',
  compliance: 'The first rule whose scope matches decides; a check that it does not name is ignored.',
  access: 'The first rule whose users, actions and conditions all match a command decides; none = allowed.',
};
const EXAMPLES: Record<Area, string> = {
  trust: 'trust:\n  groups:\n    - {name: ours, images: ["registry.local:5000/*"]}\n  rules:\n    - {name: only ours, allowed: [ours], effect: block}',
  compliance: 'compliance:\n  - name: basics\n    checks: {privileged: block, docker_socket: alert}',
  access: 'access:\n  - name: no privileged\n    actions: [container_create]\n    when: {privileged: true}\n    effect: deny',
};
const EMPTY: Record<Area, { icon: IconName; title: string }> = {
  trust: { icon: 'seal', title: 'Every image may start' },
  compliance: { icon: 'compliance', title: 'No check refuses a container' },
  access: { icon: 'access', title: 'Every command is allowed' },
};

interface Props {
  area: Area;
  gates: Gates;
  onLine: (line: number) => void;
}

export function GateCards({ area, gates, onLine }: Props) {
  const rules = gates.rules[area];
  const groups = area === 'trust' ? gates.groups : [];

  if (rules.length === 0 && groups.length === 0)
    return (
      <Empty icon={EMPTY[area].icon} title={EMPTY[area].title}>
        <p>There is no rule yet. Write one into the YAML on the right, such as:</p>
        <pre class="example">{EXAMPLES[area]}</pre>
      </Empty>
    );
  return (
    <>
      <p class="muted order-note"><Icon name="down" size={14} />{ORDER[area]}</p>
      {rules.map((r, i) => <RuleCard key={`${i} ${r.name}`} area={area} rule={r} number={i + 1} onLine={onLine} />)}
      {groups.length > 0 && <h2 class="group-title">Groups of images</h2>}
      {groups.map((g, i) => <GroupCard key={`${i} ${g.name}`} group={g} onLine={onLine} />)}
    </>
  );
}

function Line({ line, onLine }: { line: number; onLine: (line: number) => void }) {
  return <button type="button" class="button quiet small" title="Show in the YAML" aria-label={`Show line ${line} of the YAML`} onClick={() => onLine(line)}>line {line}<Icon name="right" size={12} /></button>;
}

function FactRow({ name, children }: { name: string; children: ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}

function Facts({ facts }: { facts: Fact[] }) {
  return <>{facts.map((f) => <FactRow key={f.name} name={f.name}><span class="words">{f.values.map((v, i) => <code key={i}>{v}</code>)}</span></FactRow>)}</>;
}

function RuleCard({ area, rule, number, onLine }: { area: Area; rule: GateRule; number: number; onLine: (line: number) => void }) {
  const everybody = area === 'access' && !rule.facts.some((f) => f.name === 'users' || f.name === 'groups');

  return (
    <article class={`card rule gate ${rule.disabled ? 'disabled' : ''}`} data-testid="gate-rule" data-area={area} data-name={rule.name}>
      <header>
        <span class="rule-number">{number}</span>
        <h2>{rule.name}</h2>
        {rule.disabled && <span class="tag plain">switched off</span>}
        {rule.effect && <GateEffect effect={rule.effect} />}
        <Line line={rule.line} onLine={onLine} />
      </header>
      {rule.notes && <p class="muted">{rule.notes}</p>}
      <dl class="facts">
        {area !== 'access' && <FactRow name="for">{(rule.scope.length ? rule.scope : ['everything']).map((s) => <span key={s} class="tag plain">{s}</span>)}</FactRow>}
        {everybody && <FactRow name="users"><span class="muted">everybody</span></FactRow>}
        <Facts facts={rule.facts} />
        {rule.message && <FactRow name="says">“{rule.message}”</FactRow>}
      </dl>
      {rule.checks.length > 0 && (
        <ul class="checks">
          {rule.checks.map((c) => <li key={c.id}><code>{c.id}</code><GateEffect effect={c.effect} /></li>)}
        </ul>
      )}
    </article>
  );
}

function GroupCard({ group, onLine }: { group: TrustGroup; onLine: (line: number) => void }) {
  return (
    <article class="card rule gate" data-testid="trust-group" data-name={group.name}>
      <header><Icon name="seal" size={17} /><h2>{group.name}</h2><Line line={group.line} onLine={onLine} /></header>
      {group.notes && <p class="muted">{group.notes}</p>}
      <dl class="facts"><Facts facts={group.facts} /></dl>
    </article>
  );
}
