// SPDX-License-Identifier: Apache-2.0
// The live part of the UI, shared by all pages: one stream feeds the Radar's state, the newest
// audits and incidents and the host's status. Bursts are folded into one update per frame.
import { batch, signal } from '@preact/signals';
import { appendFindings } from '../compliance/findings';
import { applyEvent, emptyState, loadSnapshot } from '../radar/state';
import { get } from './api';
import { isRoutine, newestFirst } from './commands';
import { openStream, type StreamEvent } from './stream';
import type { Audit, Container, Finding, Incident, Page, RadarEvent, RadarSnapshot, Status } from './types';

export const radar = emptyState();
export const radarVersion = signal(0); // rises when `radar` changed
export const radarLoaded = signal(false);
export const status = signal<Status | null>(null);
export const recentAudits = signal<Audit[]>([]); // newest first; without commands that were allowed
export const recentCommands = signal<Audit[]>([]); // access audits, newest first
export const freshCommands = signal<readonly Audit[]>([]); // all that the last frame brought, for who looks for few of them
export const recentFindings = signal<readonly Finding[]>([]); // what the stream said since a page fetched, in its order
export const incidents = signal<Incident[]>([]); // newest first
export const changedContainers = signal<{ id: string; tick: number }>({ id: '', tick: 0 });
export const generation = signal(0); // rises when everything was fetched again

const RECENT = 200;
const FRESH_MAX = 5000;
const FINDINGS_MAX = 5000;
const pulses = new Map<string, { until: number; severe: boolean }>();
const PULSE_MS = 8000;

let frame = 0;
let tick = 0;
let commands: Audit[] = []; // since the last frame, oldest first: an engine can be asked thousands of times a second
let findings: Finding[] = [];

// Containers that an audit of the last seconds is about pulse on the Radar.
export function pulseOf(nodeId: string, now = Date.now()): 'severe' | 'mild' | null {
  const pulse = pulses.get(nodeId);

  if (!pulse) return null;
  if (pulse.until < now) {
    pulses.delete(nodeId);
    return null;
  }
  return pulse.severe ? 'severe' : 'mild';
}

function touch(): void {
  if (frame) return;
  // A hidden page has no frames; a timer then keeps its state true.
  const update = () => {
    frame = 0;
    batch(() => {
      flush();
      radarVersion.value++;
    });
  };
  frame = document.hidden ? window.setTimeout(update, 200) : requestAnimationFrame(update);
}

function upsert<T extends { id: string }>(list: T[], item: T, max: number): T[] {
  return [item, ...list.filter((i) => i.id !== item.id)].slice(0, max);
}

function flush(): void {
  if (commands.length) {
    const known = new Map(recentCommands.value.map((a) => [a.id, a]));
    for (const a of commands) known.set(a.id, a);
    recentCommands.value = newestFirst(known.values()).slice(0, RECENT);
    freshCommands.value = commands;
    commands = [];
  }
  if (findings.length) {
    recentFindings.value = appendFindings(recentFindings.value, findings).slice(-FINDINGS_MAX);
    findings = [];
  }
}

function onAudit(audit: Audit): void {
  if (audit.kind === 'access') {
    commands.push(audit);
    if (commands.length > 2 * FRESH_MAX) commands = commands.slice(-FRESH_MAX);
    touch();
  }
  if (isRoutine(audit)) return;
  recentAudits.value = upsert(recentAudits.value, audit, RECENT);
  if (!audit.container.id) return;
  pulses.set(`container:${audit.container.id}`, {
    until: Date.now() + PULSE_MS,
    severe: audit.severity === 'critical' || audit.severity === 'high',
  });
  window.setTimeout(touch, PULSE_MS + 50);
  touch();
}

function onEvent(name: StreamEvent, data: unknown): void {
  batch(() => {
    switch (name) {
      case 'radar':
        if (applyEvent(radar, data as RadarEvent, Date.now()) === 'reset') void fetchRadar();
        else touch();
        break;
      case 'audit':
        onAudit(data as Audit);
        break;
      case 'incident':
        incidents.value = upsert(incidents.value, data as Incident, RECENT);
        break;
      case 'container':
        changedContainers.value = { id: (data as Container).id, tick: ++tick };
        break;
      case 'status':
        status.value = data as Status;
        break;
      case 'compliance_finding':
      case 'compliance_gone':
        findings.push(data as Finding);
        touch();
        break;
    }
  });
}

async function fetchRadar(): Promise<void> {
  const snapshot = await get<RadarSnapshot>('/radar');

  loadSnapshot(radar, snapshot);
  radarLoaded.value = true;
  touch();
}

async function fetchAll(): Promise<void> {
  await Promise.allSettled([
    fetchRadar(),
    get<Status>('/status').then((s) => {
      status.value = s;
    }),
    get<Page<Incident>>(`/incidents?limit=${RECENT}`).then((p) => {
      incidents.value = p.items;
    }),
    get<Page<Audit>>('/audits?limit=50').then((p) => {
      recentAudits.value = p.items.filter((a) => !isRoutine(a));
    }),
  ]);
  recentCommands.value = [];
  freshCommands.value = [];
  recentFindings.value = [];
  generation.value++;
}

export function startLive(): () => void {
  return openStream({ onEvent, onFresh: () => void fetchAll() });
}
