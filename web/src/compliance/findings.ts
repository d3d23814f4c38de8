// SPDX-License-Identifier: Apache-2.0
// Findings of compliance as the pages show them: filtered, worst first, grouped by what they are about. Pure.
import type { ComplianceSummary, Finding, Severity } from '../core/types';

export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low'];
export const RESOURCES = ['host', 'daemon', 'file', 'image', 'container'] as const;

export type Result = 'failed' | 'ignored' | 'passed';

// What is not as it should be has failed, unless no rule wants to know.
export function resultOf(f: Finding): Result {
  return f.passed ? 'passed' : f.effect === 'disable' ? 'ignored' : 'failed';
}

export interface FindingFilter {
  show: Result | 'all';
  resource: string; // '' = every one
  severity: string;
  search: string;
}

// Everything of one container, image or kind of thing on a host.
export interface FindingGroup {
  key: string;
  resource: string;
  title: string;
  detail: string; // image of a container, host of the rest
  container: string | null; // id
  items: Finding[];
  failed: Partial<Record<Severity, number>>;
  worst: number; // rank of the worst that failed
}

const RESOURCE_TITLES: Record<string, string> = { host: 'Host', daemon: 'Docker daemon', file: 'Files of Docker', image: 'Image', container: 'Container' };

export function resourceTitle(resource: string | null): string {
  return RESOURCE_TITLES[resource ?? ''] ?? (resource || 'Other');
}

// 0 = critical; what has no severity comes last.
export function rank(severity: Severity | null): number {
  const at = severity ? SEVERITIES.indexOf(severity) : -1;

  return at < 0 ? SEVERITIES.length : at;
}

// "4.10" comes after "4.9".
function compareNumbers(a: string | null, b: string | null): number {
  if (!a || !b) return a ? -1 : b ? 1 : 0;
  return a.localeCompare(b, 'en', { numeric: true });
}

export function compareFindings(a: Finding, b: Finding): number {
  const order = { failed: 0, ignored: 1, passed: 2 };

  return order[resultOf(a)] - order[resultOf(b)] || rank(a.severity) - rank(b.severity) || compareNumbers(a.cis, b.cis) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

export function matchesFinding(f: Finding, filter: FindingFilter): boolean {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = words.length ? [f.check, f.cis && `cis ${f.cis}`, f.title, f.target, f.cause, f.remedy, f.host, f.rule, f.container.name, f.container.image, f.container.id]
    .filter(Boolean).join(' ').toLowerCase() : '';

  return (filter.show === 'all' || resultOf(f) === filter.show) && (!filter.resource || f.resource === filter.resource) &&
    (!filter.severity || f.severity === filter.severity) && words.every((w) => text.includes(w));
}

const EVERYTHING = '*'; // id of the word that all of a resource before its time is gone

const keyOf = (f: Finding) => `${f.host} ${f.id}${f.id === EVERYTHING ? ` ${f.resource}` : ''}`;

// The words of the stream, each about its finding once: the last one.
export function appendFindings(known: readonly Finding[], more: Finding[]): Finding[] {
  const fresh = new Map(more.map((f) => [keyOf(f), f]));

  return [...known.filter((f) => !fresh.has(keyOf(f))), ...fresh.values()];
}

// What was fetched, with what the stream said since: found, found otherwise, gone.
export function merge(fetched: Finding[], live: readonly Finding[]): Finding[] {
  const all = new Map(fetched.map((f) => [keyOf(f), f]));

  for (const f of live) {
    const before = all.get(keyOf(f));
    if (f.check !== null) {
      if (!before || (f.time ?? '') >= (before.time ?? '')) all.set(keyOf(f), f);
    } else if (f.id !== EVERYTHING) {
      all.delete(keyOf(f));
    } else {
      for (const [key, x] of all) if (x.host === f.host && x.resource === f.resource && (x.time ?? '') < (f.time ?? '')) all.delete(key);
    }
  }
  return [...all.values()];
}

function groupOf(f: Finding): Omit<FindingGroup, 'items' | 'failed' | 'worst'> {
  const resource = f.resource ?? '';
  const host = f.host ?? '';

  if (resource === 'container') {
    const id = f.container.id ?? f.target ?? '';
    return { key: `container ${id}`, resource, title: f.container.name || id.slice(0, 12), detail: f.container.image ?? '', container: f.container.id };
  }
  if (resource === 'image') {
    const id = (f.target ?? '').replace(/^sha256:/, '').slice(0, 12);
    return { key: `image ${host} ${f.target}`, resource, title: f.container.image ?? f.target ?? '?', detail: f.container.image ? id : host, container: null };
  }
  return { key: `${resource} ${host}`, resource, title: resourceTitle(f.resource), detail: host, container: null };
}

// Groups with the worst first; each group's findings too.
export function groupFindings(findings: Finding[]): FindingGroup[] {
  const groups = new Map<string, FindingGroup>();

  for (const f of findings) {
    const head = groupOf(f);
    const g = groups.get(head.key) ?? { ...head, items: [], failed: {}, worst: SEVERITIES.length + 1 };
    g.items.push(f);
    if (resultOf(f) === 'failed') {
      if (f.severity) g.failed[f.severity] = (g.failed[f.severity] ?? 0) + 1;
      g.worst = Math.min(g.worst, rank(f.severity));
    }
    groups.set(head.key, g);
  }
  for (const g of groups.values()) g.items.sort(compareFindings);
  const at = (r: string) => (RESOURCES as readonly string[]).indexOf(r);
  const order = (a: FindingGroup, b: FindingGroup) => {
    for (const s of SEVERITIES) {
      const by = (b.failed[s] ?? 0) - (a.failed[s] ?? 0);
      if (by) return by;
    }
    return 0;
  };
  return [...groups.values()].sort((a, b) => a.worst - b.worst || at(a.resource) - at(b.resource) || order(a, b) || (a.key < b.key ? -1 : 1));
}

// Share of the checks that passed, 0 to 1; null where nothing was checked.
export function rateOf(s: ComplianceSummary): number | null {
  const all = s.passed + s.failed;

  return all > 0 ? s.passed / all : null;
}

// A rate that is not whole never reads "100 %", and one above nothing never "0 %".
export function percent(rate: number): string {
  const rounded = Math.round(rate * 100);

  if (rounded === 100 && rate < 1) return '99';
  return rounded === 0 && rate > 0 ? '1' : String(rounded);
}

export function countsText(failed: Partial<Record<Severity, number>>): string {
  return SEVERITIES.filter((s) => failed[s]).map((s) => `${failed[s]} ${s}`).join(', ');
}
