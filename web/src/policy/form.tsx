// SPDX-License-Identifier: Apache-2.0
// The policy as a form: one card for each runtime rule, in the order in which they decide.
import { useState } from 'preact/hooks';
import { FilterChoice, filterOf } from '../core/filters';
import { Icon } from '../core/icons';
import { Empty } from '../core/ui';
import {
  addRule, type Denied, EFFECT_KEYS, type EffectKey, effectOf, EFFECTS, freeName, moveRule, type Reading, removeRule, type Rule, type RuleEffect, setDenied, setValue,
} from './document';
import { GateCards } from './gate_cards';
import { type Area, AREAS } from './gates';

interface Props {
  text: string;
  reading: Reading;
  onText: (text: string) => void;
}

const TITLES: Record<Area, string> = { trust: 'Trusted images', compliance: 'Compliance', access: 'Access' };

export function PolicyForm({ onLine, ...props }: Props & { onLine: (line: number) => void }) {
  const { reading } = props;
  const area = AREAS.find((a) => a === filterOf('area'));
  const areas = [['runtime', named('Runtime', reading.rules.length)], ...AREAS.map((a) => [a, named(TITLES[a], reading.gates.rules[a].length)])] as [string, string][];

  return (
    <>
      <FilterChoice name="area" label="Area of the policy" values={areas} fallback="runtime" />
      {area && !reading.error ? <GateCards area={area} gates={reading.gates} onLine={onLine} /> : <RuntimeForm {...props} />}
    </>
  );
}

function named(title: string, rules: number): string {
  return rules ? `${title} ${rules}` : title;
}

function RuntimeForm({ text, reading, onText }: Props) {
  if (reading.error)
    return (
      <div class="notice bad"><Icon name="incident" />
        <span>The YAML cannot be read: line {reading.error.line}, column {reading.error.column}: {reading.error.message}. Mend it on the right, then the form is back.</span>
      </div>
    );
  if (reading.rules.length === 0)
    return (
      <Empty icon="shield" title="Nothing is enforced yet">
        <p>Begin with the rule that stops crypto miners in every container.</p>
        <button type="button" class="button primary" data-testid="policy-first-rule" onClick={() => onText(addRule(text, 'stop miners', true))}>Block crypto miners</button>
      </Empty>
    );
  return (
    <>
      <p class="muted order-note"><Icon name="down" size={14} />The first rule whose scope matches decides; rules are never merged.</p>
      {reading.rules.map((r, i) => (
        <RuleCard key={`${r.document} ${r.index}`} rule={r} number={i + 1} reading={reading} text={text} onText={onText} />
      ))}
      <button type="button" class="button" data-testid="policy-add-rule" onClick={() => onText(addRule(text, freeName(reading.rules, 'new rule'), true))}>
        <Icon name="plus" size={16} />Add a rule on top
      </button>
    </>
  );
}

interface CardProps extends Props {
  rule: Rule;
  number: number;
}

function RuleCard({ rule, number, reading, text, onText }: CardProps) {
  const set = (key: string, value: unknown) => onText(setValue(text, rule, key, value));
  const last = reading.rules.filter((r) => r.document === rule.document).length - 1;
  const rows = EFFECT_KEYS.filter((k) => k.built || rule.effects[k.key] !== undefined);

  return (
    <article class={`card rule ${rule.disabled ? 'disabled' : ''}`} data-testid="policy-rule" data-name={rule.name}>
      <header>
        <span class="rule-number">{number}</span>
        <Field value={rule.name} label="Name of the rule" class="rule-name" onChange={(v) => v && set('name', v)} />
        <button type="button" class="button quiet" aria-label="Move up" title="Move up" disabled={rule.index === 0} onClick={() => onText(moveRule(text, rule, -1))}><Icon name="up" size={16} /></button>
        <button type="button" class="button quiet" aria-label="Move down" title="Move down" disabled={rule.index === last} onClick={() => onText(moveRule(text, rule, 1))}><Icon name="down" size={16} /></button>
        <button type="button" class="button quiet" aria-label={`Remove rule ${rule.name}`} title="Remove" onClick={() => onText(removeRule(text, rule))}><Icon name="trash" size={16} /></button>
      </header>
      <div class="rule-line">
        <Scope rule={rule} collections={reading.collections} onChange={(scope) => set('scope', scope.length ? scope : undefined)} />
        <label class="check"><input type="checkbox" checked={!rule.disabled} onChange={() => set('disabled', rule.disabled ? undefined : true)} />in force</label>
      </div>
      <div class="effects">
        {rows.map((k) => <EffectRow key={k.key} spec={k} value={effectOf(rule, k)} onChange={(v) => set(k.key, v)} />)}
        <DeniedRow title="Denied programs" section="processes" denied={rule.processes} onChange={(d) => onText(setDenied(text, rule, 'processes', d))} />
        <DeniedRow title="Denied connections" section="network" denied={rule.network} onChange={(d) => onText(setDenied(text, rule, 'network', d))} />
        <div class="effect-row">
          <div><strong>Allowed programs</strong><p class="muted">Never judged</p></div>
          <ListField label="Allowed programs" placeholder="/usr/bin/ffmpeg" value={rule.allowed} onChange={(v) => set('processes.allowed', v.length ? v : undefined)} />
        </div>
      </div>
    </article>
  );
}

interface EffectProps {
  value: string;
  label: string;
  id: string;
  lacks?: RuleEffect;
  onChange: (v: RuleEffect) => void;
}

const SAYS: Record<RuleEffect, string> = {
  disable: 'Off', alert: 'Alert', prevent: 'Prevent', block: 'Block',
};
const MEANS: Record<RuleEffect, string> = {
  disable: 'Not looked at',
  alert: 'An audit; the container goes on',
  prevent: 'The process is killed or the connection refused; the container goes on',
  block: 'Every process of the container is killed, and Docker is kept from restarting it',
};

function EffectChoice({ value, label, id, lacks, onChange }: EffectProps) {
  const choices = EFFECTS.filter((e) => e !== lacks);
  const move = (e: KeyboardEvent) => {
    const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    const next = choices[choices.indexOf(value as RuleEffect) + by];
    if (!by || !next) return;
    e.preventDefault();
    onChange(next);
    const buttons = (e.currentTarget as HTMLElement).querySelectorAll('button');
    buttons[choices.indexOf(next)]?.focus();
  };

  return (
    <div class="segmented" role="radiogroup" aria-label={label} data-testid="policy-effect" data-key={id} data-value={value} onKeyDown={move}>
      {choices.map((e) => (
        <button key={e} type="button" role="radio" aria-checked={value === e} tabIndex={value === e ? 0 : -1} class={`effect-${e}`} title={MEANS[e]} data-effect={e} onClick={() => onChange(e)}>{SAYS[e]}</button>
      ))}
    </div>
  );
}

function EffectRow({ spec, value, onChange }: { spec: EffectKey; value: string; onChange: (v: RuleEffect) => void }) {
  return (
    <div class="effect-row">
      <div>
        <strong>{spec.title}</strong> {!spec.built && <span class="tag effect-alert">not enforced yet</span>}
        <p class="muted">{spec.text}</p>
      </div>
      <EffectChoice value={value} label={spec.title} id={spec.key} lacks={spec.lacks} onChange={onChange} />
    </div>
  );
}

interface DeniedProps {
  title: string;
  section: 'processes' | 'network';
  denied: Denied | null;
  onChange: (d: Denied) => void;
}

function DeniedRow({ title, section, denied, onChange }: DeniedProps) {
  const d = denied ?? { effect: 'prevent' as RuleEffect, paths: [], addresses: [], ports: [] };

  return (
    <div class="effect-row wide">
      <div>
        <strong>{title}</strong>
        <p class="muted">{section === 'processes' ? 'Executables, with * at either end' : 'Addresses, networks and ports of the other side'}</p>
      </div>
      {denied && <EffectChoice value={d.effect} label={title} id={`${section}.denied`} onChange={(effect) => onChange({ ...d, effect })} />}
      <div class="lists">
        {section === 'processes'
          ? <ListField label="Denied programs" placeholder="/usr/bin/nc, */socat" value={d.paths} onChange={(paths) => onChange({ ...d, paths })} />
          : (
            <>
              <ListField label="Denied addresses" placeholder="203.0.113.0/24" value={d.addresses} onChange={(addresses) => onChange({ ...d, addresses })} />
              <ListField label="Denied ports" placeholder="2375, 3333-3340" value={d.ports} onChange={(ports) => onChange({ ...d, ports })} />
            </>
          )}
      </div>
    </div>
  );
}

function Scope({ rule, collections, onChange }: { rule: Rule; collections: string[]; onChange: (scope: string[]) => void }) {
  const rest = collections.filter((c) => !rule.scope.includes(c));

  return (
    <div class="scope">
      <span class="muted">for</span>
      {rule.scope.length === 0 && <span class="tag plain">everything</span>}
      {rule.scope.map((c) => (
        <span key={c} class="tag plain chip">{c}
          <button type="button" aria-label={`Take ${c} out of the scope`} onClick={() => onChange(rule.scope.filter((s) => s !== c))}><Icon name="close" size={11} /></button>
        </span>
      ))}
      {rest.length > 0 && (
        <select aria-label="Add a collection to the scope" value="" onChange={(e) => e.currentTarget.value && onChange([...rule.scope, e.currentTarget.value])}>
          <option value="">add…</option>
          {rest.map((c) => <option key={c} value={c}>{c}</option>)}
        </select>
      )}
    </div>
  );
}

function Field({ value, label, onChange, ...rest }: { value: string; label: string; class?: string; onChange: (v: string) => void }) {
  return <input {...rest} aria-label={label} value={value} onChange={(e) => onChange(e.currentTarget.value.trim())} />;
}

function ListField({ label, value, placeholder, onChange }: { label: string; value: string[]; placeholder: string; onChange: (v: string[]) => void }) {
  const [draft, setDraft] = useState<string | null>(null);
  const commit = () => {
    if (draft === null) return;
    const next = draft.split(/[,\s]+/).filter(Boolean);
    setDraft(null);
    if (next.join() !== value.join()) onChange(next);
  };

  return (
    <input class="mono" aria-label={label} placeholder={placeholder} value={draft ?? value.join(', ')} onInput={(e) => setDraft(e.currentTarget.value)}
      onBlur={commit} onKeyDown={(e) => e.key === 'Enter' && commit()} />
  );
}
