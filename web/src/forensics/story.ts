// SPDX-License-Identifier: Apache-2.0
// From the flight recorder's entries to what the microscope shows: the process tree, seconds, a
// histogram. Pure.
import type { FlightEvent } from '../core/types';

export type Category = 'container' | 'process' | 'network' | 'audit' | 'gap';

export const CATEGORY: Record<string, Category> = {
  create: 'container', start: 'container', stop: 'container', remove: 'container',
  fork: 'process', exec: 'process', exit: 'process',
  connect: 'network', accept: 'network', listen: 'network', close: 'network',
  audit: 'audit', gap: 'gap',
};

export interface ProcessNode {
  key: string; // pid and the entry it began with: pids are used again
  pid: number;
  ppid: number;
  path: string | null;
  args: string[];
  user: string | null;
  began: string;
  ended: string | null;
  exitCode: number;
  exitSignal: number;
  audits: number;
  worst: string | null; // effect of its audits
  connections: number;
  children: ProcessNode[];
}

const EFFECTS = ['alert', 'prevent', 'block'];

// Every process that was seen, under the process that started it.
export function processTree(events: FlightEvent[]): { roots: ProcessNode[]; byEvent: Map<number, ProcessNode> } {
  const alive = new Map<number, ProcessNode>();
  const all: ProcessNode[] = [];
  const roots: ProcessNode[] = [];
  const byEvent = new Map<number, ProcessNode>();

  const begin = (e: FlightEvent): ProcessNode => {
    const node: ProcessNode = {
      key: `${e.pid}:${e.seq}`, pid: e.pid, ppid: e.ppid, path: null, args: [], user: null, began: e.time, ended: null,
      exitCode: 0, exitSignal: 0, audits: 0, worst: null, connections: 0, children: [],
    };
    const parent = e.ppid !== e.pid ? alive.get(e.ppid) : undefined;
    (parent ? parent.children : roots).push(node);
    alive.set(e.pid, node);
    all.push(node);
    return node;
  };

  for (const e of events) {
    if (!e.pid || CATEGORY[e.type] === 'container') continue;
    let node = alive.get(e.pid);
    if (!node || (e.type === 'fork' && node.began !== e.time)) node = begin(e);
    byEvent.set(e.seq, node);
    if (e.path && (e.type === 'exec' || !node.path)) {
      node.path = e.path;
      node.args = e.args ?? [];
    }
    if (e.user) node.user = e.user;
    if (e.type === 'connect') node.connections += e.count || 1;
    if (e.type === 'audit') {
      node.audits += e.count || 1;
      if (EFFECTS.indexOf(e.effect ?? '') > EFFECTS.indexOf(node.worst ?? '')) node.worst = e.effect;
    }
    if (e.type === 'exit') {
      node.ended = e.time;
      node.exitCode = e.exit_code;
      node.exitSignal = e.exit_signal;
      alive.delete(e.pid);
    }
  }
  inherit(all);
  return { roots, byEvent };
}

// A fork that was never followed by an exec runs its parent's program.
function inherit(all: ProcessNode[]): void {
  for (const n of all)
    for (const c of n.children)
      if (!c.path) {
        c.path = n.path;
        c.args = n.args;
        c.user ??= n.user;
      }
}

export interface Second {
  key: string; // "2026-11-23T16:00:01"
  time: string;
  events: FlightEvent[];
}

export function bySecond(events: FlightEvent[]): Second[] {
  const seconds: Second[] = [];

  for (const e of events) {
    const key = e.time.slice(0, 19);
    const last = seconds[seconds.length - 1];
    if (last?.key === key) last.events.push(e);
    else seconds.push({ key, time: e.time, events: [e] });
  }
  return seconds;
}

export interface Bar {
  from: number; // ms
  to: number;
  counts: Record<Category, number>;
  total: number;
}

export function histogram(events: FlightEvent[], bars: number): Bar[] {
  if (events.length === 0) return [];
  const first = Date.parse(events[0].time);
  const last = Date.parse(events[events.length - 1].time);
  const width = Math.max(1, (last - first + 1) / bars);
  const out: Bar[] = Array.from({ length: bars }, (_, i) => ({
    from: first + i * width, to: first + (i + 1) * width, total: 0,
    counts: { container: 0, process: 0, network: 0, audit: 0, gap: 0 },
  }));

  for (const e of events) {
    const bar = out[Math.min(bars - 1, Math.floor((Date.parse(e.time) - first) / width))];
    bar.counts[CATEGORY[e.type] ?? 'process']++;
    bar.total++;
  }
  return out;
}

export interface EventFilter {
  categories: Set<Category>;
  search: string;
  from: number | null;
  to: number | null;
  process: ProcessNode | null;
}

function members(node: ProcessNode, into = new Set<ProcessNode>()): Set<ProcessNode> {
  into.add(node);
  for (const c of node.children) members(c, into);
  return into;
}

export function filterEvents(events: FlightEvent[], filter: EventFilter, byEvent: Map<number, ProcessNode>): FlightEvent[] {
  const needle = filter.search.trim().toLowerCase();
  const tree = filter.process ? members(filter.process) : null;

  return events.filter((e) => {
    const time = Date.parse(e.time);
    const owner = byEvent.get(e.seq);
    if (!filter.categories.has(CATEGORY[e.type] ?? 'process')) return false;
    if (filter.from !== null && time < filter.from) return false;
    if (filter.to !== null && time > filter.to) return false;
    if (tree && (!owner || !tree.has(owner))) return false;
    return needle === '' ||
      [e.type, e.path, ...(e.args ?? []), e.user, e.address, e.port || '', e.domain, e.country, e.message, e.file, e.pid || ''].join(' ').toLowerCase().includes(needle);
  });
}
