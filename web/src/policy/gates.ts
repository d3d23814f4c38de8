// SPDX-License-Identifier: Apache-2.0
// The rules of the gates (trust, compliance, access) as the policy page shows them. They are read from the
// YAML and edited there.
import { type Document, isMap, isSeq } from 'yaml';

export type Area = 'trust' | 'compliance' | 'access';
export const AREAS: readonly Area[] = ['trust', 'compliance', 'access'];

export interface Fact {
  name: string;
  values: string[];
}

export interface GateRule {
  name: string;
  line: number; // in the text, 1 = first
  notes: string;
  disabled: boolean;
  scope: string[]; // collections; empty = everything
  effect: string; // ignore, alert, block; allow, alert, deny; '' = each check has its own
  checks: { id: string; effect: string }[]; // of compliance
  facts: Fact[]; // what else it says, in the order of the file
  message: string;
}

export interface TrustGroup {
  name: string;
  line: number;
  notes: string;
  facts: Fact[];
}

export interface Gates {
  groups: TrustGroup[];
  rules: Record<Area, GateRule[]>;
}

const KNOWN = new Set(['name', 'notes', 'disabled', 'owner', 'modified', 'scope', 'effect', 'checks', 'message']);
const TITLES: Record<string, string> = {
  images: 'images', digests: 'digests', signatures: 'signed with', allowed: 'allowed', denied: 'denied', users: 'users', groups: 'groups',
  actions: 'actions', when: 'when', audit: 'recorded', base_layers: 'built on',
};

export function noGates(): Gates {
  return { groups: [], rules: { trust: [], compliance: [], access: [] } };
}

type Values = Record<string, unknown>;

function isValues(v: unknown): v is Values {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}

function text(v: unknown): string {
  if (Array.isArray(v)) return v.map(text).join(', ');
  if (isValues(v)) return Object.entries(v).map(([k, x]) => (k === 'key' ? text(x) : `${k}: ${text(x)}`)).join(', ');
  return String(v);
}

// "privileged: true" of a map, each entry of a list, or the one value.
function values(v: unknown): string[] {
  if (Array.isArray(v)) return v.map(text);
  return isValues(v) ? Object.entries(v).map(([k, x]) => `${k}: ${text(x)}`) : [text(v)];
}

function facts(v: Values): Fact[] {
  return Object.entries(v).filter(([k, x]) => !KNOWN.has(k) && x !== null && x !== undefined && !(Array.isArray(x) && x.length === 0))
    .map(([k, x]) => ({ name: TITLES[k] ?? k.replace(/_/g, ' '), values: values(x) }));
}

function readRule(v: Values, line: number): GateRule {
  return {
    line,
    name: text(v.name ?? ''),
    notes: text(v.notes ?? ''),
    disabled: v.disabled === true,
    scope: Array.isArray(v.scope) ? v.scope.map(text) : [],
    effect: typeof v.effect === 'string' ? v.effect : '',
    checks: isValues(v.checks) ? Object.entries(v.checks).map(([id, effect]) => ({ id, effect: text(effect) })) : [],
    facts: facts(v),
    message: text(v.message ?? ''),
  };
}

// The maps of the list at `path`, each with the line where it begins.
function entries(d: Document, path: string[], source: string): { value: Values; line: number }[] {
  const list = d.getIn(path, true);

  if (!isSeq(list)) return [];
  return list.items.filter(isMap).map((item) => ({
    value: item.toJSON() as Values,
    line: source.slice(0, item.range?.[0] ?? 0).split('\n').length,
  }));
}

// All documents of a policy, of which `source` is the text.
export function readGates(documents: Document[], source: string): Gates {
  const gates = noGates();

  for (const d of documents) {
    for (const { value, line } of entries(d, ['trust', 'groups'], source))
      gates.groups.push({ name: text(value.name ?? ''), notes: text(value.notes ?? ''), line, facts: facts(value) });
    for (const area of AREAS)
      for (const { value, line } of entries(d, area === 'trust' ? ['trust', 'rules'] : [area], source)) gates.rules[area].push(readRule(value, line));
  }
  return gates;
}

// What an effect does, in words.
export const MEANS: Record<string, string> = {
  ignore: 'Not looked at',
  allow: 'The command goes through',
  alert: 'It is told; the container or the command goes on',
  block: 'The container is refused before it starts',
  deny: 'The command is refused',
};
