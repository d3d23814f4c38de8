// SPDX-License-Identifier: Apache-2.0
// The policy file as the form sees it. The YAML text is the only truth: the form is read from it, and
// each change of the form is an edit of the text that keeps the user's comments and layout.
import { type Document, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type YAMLMap, type YAMLSeq } from 'yaml';
import { type Gates, noGates, readGates } from './gates';

export type RuleEffect = 'disable' | 'alert' | 'prevent' | 'block';
export const EFFECTS: RuleEffect[] = ['disable', 'alert', 'prevent', 'block'];

export interface Denied {
  effect: RuleEffect;
  paths: string[];
  addresses: string[];
  ports: string[];
}

export interface Rule {
  document: number;
  index: number; // in its document
  name: string;
  notes: string;
  disabled: boolean;
  scope: string[];
  effects: Record<string, string>; // by key: "processes.crypto_miners"
  allowed: string[];
  processes: Denied | null;
  network: Denied | null;
}

export interface Reading {
  rules: Rule[];
  collections: string[];
  gates: Gates;
  error: { line: number; column: number; message: string } | null;
}

export interface EffectKey {
  key: string;
  title: string;
  text: string;
  built: boolean; // false: the grammar has it, nothing enforces it yet
  lacks?: RuleEffect; // the language does not have this effect for it
}

export const EFFECT_KEYS: EffectKey[] = [
  { key: 'processes.crypto_miners', title: 'Crypto miners', text: 'By name, arguments and stratum on any port', built: true },
  { key: 'threats', title: 'Every other threat', text: 'What this rule does not name', built: true },
  { key: 'processes.reverse_shell', title: 'Reverse shells', text: 'Shells tied to the network, by their descriptors', built: true },
  { key: 'processes.modified_binaries', title: 'Modified binaries', text: 'Programs that the image did not bring', built: true },
  { key: 'processes.engine_clients', title: 'Engine clients', text: 'docker, kubectl, and sockets of engines', built: true },
  { key: 'processes.privilege_escalation', title: 'Privilege escalation', text: 'SUID programs, attempts at root', built: true },
  { key: 'processes.escape', title: 'Escapes', text: 'Namespaces, mounts, tracing, modules, BPF', built: true },
  { key: 'processes.model', title: 'Learned processes', text: 'What the model does not know', built: false },
  { key: 'network.lateral_movement', title: 'Lateral movement', text: 'Engines, kubelets and etcd of other hosts', built: true },
  { key: 'network.raw_sockets', title: 'Raw sockets', text: 'Reading or forging packets', built: true },
  { key: 'network.port_scan', title: 'Port scans', text: 'Many ports or hosts in vain', built: true, lacks: 'prevent' },
  { key: 'files.sensitive', title: 'Sensitive files', text: 'Accounts, keys, cron, preload', built: false },
  { key: 'kubernetes', title: 'Kubernetes and cloud', text: 'API servers, metadata services', built: true },
  { key: 'feeds', title: 'Feeds', text: 'Hashes, addresses, domains', built: false },
];

/* What a rule does about it: as it says itself, or else for every threat that it does not name. */
export function effectOf(rule: Rule, spec: EffectKey): string {
  const rest = spec.key === 'processes.model' ? undefined : rule.effects.threats;

  return rule.effects[spec.key] ?? (rest !== undefined && rest === spec.lacks ? 'alert' : rest) ?? 'disable';
}

const STRINGIFY = { lineWidth: 0, flowCollectionPadding: false } as const;

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function readDenied(value: unknown): Denied | null {
  if (typeof value !== 'object' || value === null) return null;
  const v = value as Record<string, unknown>;

  return { effect: v.effect as RuleEffect, paths: strings(v.paths), addresses: strings(v.addresses), ports: strings(v.ports) };
}

function lookup(object: Record<string, unknown>, key: string): unknown {
  return key.split('.').reduce<unknown>((o, k) => (typeof o === 'object' && o !== null ? (o as Record<string, unknown>)[k] : undefined), object);
}

function readRule(value: Record<string, unknown>, document: number, index: number): Rule {
  const effects: Record<string, string> = {};

  for (const { key } of EFFECT_KEYS) {
    const effect = lookup(value, key);
    if (typeof effect === 'string') effects[key] = effect;
  }
  return {
    document, index, effects,
    name: String(value.name ?? ''),
    notes: String(value.notes ?? ''),
    disabled: value.disabled === true,
    scope: strings(value.scope),
    allowed: strings(lookup(value, 'processes.allowed')),
    processes: readDenied(lookup(value, 'processes.denied')),
    network: readDenied(lookup(value, 'network.denied')),
  };
}

function parse(text: string): Document[] {
  const found = parseAllDocuments(text, { lineCounter: new LineCounter(), prettyErrors: true });

  return Array.isArray(found) ? found : [];
}

export function readPolicy(text: string): Reading {
  const documents = parse(text);
  const problem = documents.flatMap((d) => d.errors)[0];

  if (problem) {
    const at = problem.linePos?.[0] ?? { line: 1, col: 1 };
    return { rules: [], collections: [], gates: noGates(), error: { line: at.line, column: at.col, message: problem.message.split('\n')[0].replace(/ at line \d+.*$/, '') } };
  }
  const rules: Rule[] = [];
  const collections = new Set(['everything']);

  documents.forEach((d, n) => {
    const value = d.toJS({ maxAliasCount: 50 }) as Record<string, unknown> | null;
    if (typeof value !== 'object' || value === null) return;
    for (const c of Array.isArray(value.collections) ? value.collections : []) if (c?.name) collections.add(String(c.name));
    (Array.isArray(value.runtime) ? value.runtime : []).forEach((r, i) => {
      if (typeof r === 'object' && r !== null) rules.push(readRule(r as Record<string, unknown>, n, i));
    });
  });
  return { rules, collections: [...collections], gates: readGates(documents, text), error: null };
}

function join(documents: Document[]): string {
  return documents.map((d, i) => {
    const text = d.toString(STRINGIFY);
    return i > 0 && !text.startsWith('---') ? `---\n${text}` : text;
  }).join('');
}

// A list or map that the form makes is written on one line, as people write short ones.
function flow(document: Document, value: unknown): unknown {
  const node = document.createNode(value);

  if (isSeq(node) || isMap(node)) node.flow = true;
  return node;
}

// Sets one value of a rule; undefined takes it away. Only the scalar's own characters change where it
// is there already.
export function setValue(text: string, rule: Rule, key: string, value: unknown): string {
  const documents = parse(text);
  const document = documents[rule.document];
  const path = ['runtime', rule.index, ...key.split('.')];
  const old = document.getIn(path, true);

  if (typeof value === 'string' && isScalar(old) && old.range && /^[a-z][\w ]*$/.test(value))
    return text.slice(0, old.range[0]) + value + text.slice(old.range[1]);
  if (value === undefined) removeIn(document, path);
  else document.setIn(path, typeof value === 'object' ? flow(document, value) : value);
  return join(documents);
}

// Takes a value away, and the maps that it leaves empty: the grammar wants none.
function removeIn(document: Document, path: (string | number)[]): void {
  document.deleteIn(path);
  for (let p = path.slice(0, -1); p.length > 2; p = p.slice(0, -1)) {
    const parent = document.getIn(p);
    if (!isMap(parent) || parent.items.length > 0) return;
    document.deleteIn(p);
  }
}

export function setDenied(text: string, rule: Rule, section: 'processes' | 'network', denied: Denied): string {
  const numbers = denied.ports.map((p) => (/^\d+$/.test(p) ? Number(p) : p));
  const lists = section === 'processes' ? { paths: denied.paths } : { addresses: denied.addresses, ports: numbers };
  const kept = Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));

  return setValue(text, rule, `${section}.denied`, Object.keys(kept).length ? { effect: denied.effect, ...kept } : undefined);
}

function rulesOf(document: Document): YAMLSeq | null {
  const node = document.getIn(['runtime'], true);

  return isSeq(node) ? node : null;
}

export function addRule(text: string, name: string, first: boolean): string {
  const documents = parse(text.trim() ? text : 'version: 1\n');
  const document = documents[0];
  const rule = document.createNode({ name, scope: ['everything'], processes: { crypto_miners: 'block' } }) as YAMLMap;
  const scope = rule.get('scope', true);
  let list = rulesOf(document);

  if (isSeq(scope)) scope.flow = true;
  if (!list) {
    document.set('runtime', document.createNode([]));
    list = rulesOf(document) as YAMLSeq;
  }
  list.flow = false;
  if (first) list.items.unshift(rule);
  else list.items.push(rule);
  return join(documents);
}

export function removeRule(text: string, rule: Rule): string {
  const documents = parse(text);

  documents[rule.document].deleteIn(['runtime', rule.index]);
  return join(documents);
}

export function moveRule(text: string, rule: Rule, by: number): string {
  const documents = parse(text);
  const list = rulesOf(documents[rule.document]);
  const to = rule.index + by;

  if (!list || to < 0 || to >= list.items.length) return text;
  const [item] = list.items.splice(rule.index, 1);
  list.items.splice(to, 0, item);
  return join(documents);
}

// A name that no rule has yet.
export function freeName(rules: Rule[], wish: string): string {
  const taken = new Set(rules.map((r) => r.name));

  for (let n = 1; ; n++) {
    const name = n === 1 ? wish : `${wish} ${n}`;
    if (!taken.has(name)) return name;
  }
}
