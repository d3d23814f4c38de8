// SPDX-License-Identifier: Apache-2.0
// Commands to a container engine: what an access audit says, and which ones a filter keeps. Pure.
import type { Audit, EngineCommand } from './types';

export type Verdict = 'allow' | 'alert' | 'deny';

export interface AccessFilter {
  user: string;
  action: string;
  text: string;
  verdict: string; // '' = every one
}

export const LOCAL = 'local socket';
const NONE: EngineCommand = {
  user: null, groups: [], address: null, action: null, target: null, method: null, path: null, parameters: [], verdict: null,
};

export function commandOf(a: Audit): EngineCommand {
  return a.command ?? NONE;
}

export function userOf(c: EngineCommand): string {
  return c.user || LOCAL;
}

// What became of the command. Where an older record does not say, what was done says it.
export function verdictOf(a: Audit): Verdict {
  const said = commandOf(a).verdict;

  if (said === 'allow' || said === 'alert' || said === 'deny') return said;
  if (a.done === 'block' || a.done === 'prevent') return 'deny';
  return a.effect === 'alert' ? 'alert' : 'allow';
}

// A command that nobody objected to: it is in the log, but no finding.
export function isRoutine(a: Audit): boolean {
  return a.kind === 'access' && verdictOf(a) === 'allow';
}

function has(text: string | null | undefined, part: string): boolean {
  return (text ?? '').toLowerCase().includes(part);
}

// What people type into a field is part of a name, unless they say with a star where it begins or ends.
export function patternOf(typed: string): string {
  const t = typed.trim();

  return !t || t.startsWith('*') || t.endsWith('*') ? t : `*${t}*`;
}

// As the Console compares: stars at the ends only, case aside.
function fits(pattern: string, word: string | null | undefined): boolean {
  const [lead, trail] = [pattern.startsWith('*'), pattern.length > 1 && pattern.endsWith('*')];
  const p = pattern.slice(lead ? 1 : 0, trail ? -1 : undefined).toLowerCase();
  const w = (word ?? '').toLowerCase();

  if (!pattern) return true;
  return Boolean(word) && (lead && trail ? w.includes(p) : lead ? w.endsWith(p) : trail ? w.startsWith(p) : w === p);
}

// The filter as the API takes it: what it answers is what matchesAccess() keeps of the live ones.
export function accessQuery(f: AccessFilter): Record<string, string> {
  return { kind: 'access', user: patternOf(f.user), action: patternOf(f.action), verdict: f.verdict, text: f.text.trim() };
}

export function matchesAccess(a: Audit, f: AccessFilter): boolean {
  const c = commandOf(a);
  const text = f.text.trim().toLowerCase();
  const said = [a.message, a.rule, a.container.name, a.container.image, a.container.id, c.user, c.address, c.action, c.target, c.path, ...c.groups, ...c.parameters];

  return a.kind === 'access' && (!f.verdict || verdictOf(a) === f.verdict) && fits(patternOf(f.user), userOf(c)) &&
    fits(patternOf(f.action), c.action) && (!text || said.some((t) => has(t, text)));
}

// Whether a command is about this container: by the Gate's word, or as it was called in the request.
export function concerns(a: Audit, container: { id: string; name: string }): boolean {
  const target = commandOf(a).target;

  if (a.kind !== 'access') return false;
  if (a.container.id) return a.container.id === container.id;
  return Boolean(target) && (target === container.name || (target!.length >= 12 && container.id.startsWith(target!)));
}

export interface Said {
  rule: string | null;
  reason: string;
}

// What the rules said to a command, without who asked what: "alice: container_create web: denied by rule 'x': why".
export function saidOf(a: Audit): Said {
  const text = (a.message ?? '').replace(/^\[Seawall\]\s*/, '');
  const found = /(?:^|: |^command )(?:denied|blocked|allowed, with a warning)(?: by rule '([^']*)'| (by the gate of what is created))?(?:: (.*))?$/.exec(text);

  if (found?.[2]) return { rule: null, reason: 'what it would create is refused: see the audit of trust or compliance' };
  return { rule: found?.[1] ?? a.rule, reason: found ? (found[3] ?? '') : text };
}

// Each audit once, as it is known last: a repeat comes again with a higher count.
export function newestFirst(audits: Iterable<Audit>): Audit[] {
  const known = new Map<string, Audit>();

  for (const a of audits) {
    const before = known.get(a.id);
    if (!before || a.count >= before.count) known.set(a.id, a);
  }
  const at = (a: Audit) => a.last ?? a.time;
  return [...known.values()].sort((a, b) => (at(a) === at(b) ? 0 : at(a) < at(b) ? 1 : -1));
}
