// SPDX-License-Identifier: Apache-2.0
// What the Radar knows: the Console's snapshot, kept true by its stream events. Pure but for being
// changed in place: at ten thousand containers a copy for each event would cost more than the event.
import type { Effect, RadarEdge, RadarEvent, RadarNode, RadarSnapshot } from '../core/types';

export interface RadarState {
  nodes: Map<string, RadarNode>;
  edges: Map<string, RadarEdge>;
  born: Map<string, number>; // when a node was first seen, ms; 0 = was there when we came
  blocked: Map<string, number>; // when a node was first seen blocked or refused, ms; 0 = before we came
}

export const EFFECT_RANK: Record<string, number> = { disable: 0, allow: 0, alert: 1, prevent: 2, block: 3 };

export function emptyState(): RadarState {
  return { nodes: new Map(), edges: new Map(), born: new Map(), blocked: new Map() };
}

// What a container's id is without the kind that the Radar puts before it.
export function containerId(node: string): string {
  return node.startsWith('container:') ? node.slice('container:'.length) : node;
}

// Stopped by us: while it ran, or before it could.
export function isStopped(state: string | null | undefined): boolean {
  return state === 'blocked' || state === 'refused';
}

export function edgeEffect(effect: Effect | null | undefined): 'allow' | 'alert' | 'prevent' | 'block' {
  return effect === 'alert' || effect === 'prevent' || effect === 'block' ? effect : 'allow';
}

function remember(state: RadarState, node: RadarNode, now: number): void {
  if (!state.born.has(node.id)) state.born.set(node.id, now);
  if (isStopped(node.state)) {
    if (!state.blocked.has(node.id)) state.blocked.set(node.id, now);
  } else {
    state.blocked.delete(node.id);
  }
}

// A snapshot replaces everything, but what we watched keeps its history.
export function loadSnapshot(state: RadarState, snapshot: RadarSnapshot): void {
  state.nodes = new Map(snapshot.nodes.map((n) => [n.id, n]));
  state.edges = new Map(snapshot.edges.map((e) => [e.id, e]));
  for (const known of [state.born, state.blocked])
    for (const id of known.keys()) if (!state.nodes.has(id)) known.delete(id);
  for (const node of snapshot.nodes) remember(state, node, 0);
}

function removeNode(state: RadarState, id: string): void {
  state.nodes.delete(id);
  state.born.delete(id);
  state.blocked.delete(id);
  for (const edge of state.edges.values())
    if (edge.from === id || edge.to === id) state.edges.delete(edge.id);
}

// Applies one event; 'reset' when the whole must be fetched again.
export function applyEvent(state: RadarState, event: RadarEvent, now: number): 'changed' | 'reset' {
  switch (event.op) {
    case 'node':
      state.nodes.set(event.node.id, event.node);
      remember(state, event.node, now);
      return 'changed';
    case 'edge':
      state.edges.set(event.edge.id, event.edge);
      return 'changed';
    case 'remove':
      if (!state.edges.delete(event.id)) removeNode(state, event.id);
      return 'changed';
    case 'reset':
      return 'reset';
  }
}

export function neighbours(state: RadarState, id: string): RadarEdge[] {
  return [...state.edges.values()].filter((e) => e.from === id || e.to === id);
}

// The containers of an image, most troubled first, then by name: an order that does not wander.
const STATE_RANK: Record<string, number> = { blocked: 0, refused: 0, running: 1, paused: 2, created: 3, exited: 4 };
const COLOR_RANK: Record<string, number> = { red: 0, orange: 1, yellow: 2, green: 3, grey: 4 };

export function compareNodes(a: RadarNode, b: RadarNode): number {
  const rank = (n: RadarNode) => (STATE_RANK[n.state ?? ''] ?? 5) * 10 + (COLOR_RANK[n.color ?? ''] ?? 5);

  return rank(a) - rank(b) || a.label.localeCompare(b.label) || a.id.localeCompare(b.id);
}
