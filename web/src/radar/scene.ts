// SPDX-License-Identifier: Apache-2.0
// From what the Radar knows to what it draws: filters, level of detail, places, one stroke for each
// pair of nodes. Pure but for the Layout, which remembers places.
import type { Color, NodeKind, RadarEdge, RadarNode } from '../core/types';
import { type Cluster, type Layout, type Places, type RingItem } from './layout';
import { compareNodes, edgeEffect, EFFECT_RANK, isStopped, type RadarState } from './state';

export interface Filters {
  search: string;
  hidden: Set<string>; // states that are not shown
  troubled: boolean; // only what has a finding
  images: boolean;
  surroundings: boolean; // hosts and networks
}

export interface SceneNode {
  id: string;
  kind: NodeKind;
  node: RadarNode;
  state: string;
  color: Color;
  x: number;
  y: number;
  r: number;
  orbit: number; // images: radius of the area of its containers, 0 = none
  count: number; // images: containers that are not drawn one by one
  dim: boolean; // does not match the search
}

export type StrokeEffect = 'allow' | 'alert' | 'prevent' | 'block';

export interface Stroke {
  id: string;
  from: string;
  to: string;
  effect: StrokeEffect;
  edges: RadarEdge[];
  tether: boolean; // image to its container: not a connection
  dim: boolean;
}

// Images of one project or namespace: drawn on common ground.
export interface Group {
  name: string;
  circles: { x: number; y: number; r: number }[];
  links: [number, number][]; // between circles, so that the ground is one
}

export interface Scene {
  groups: Group[];
  nodes: SceneNode[];
  strokes: Stroke[];
  places: Places;
  clustered: boolean;
  containers: number; // in all, before the level of detail
}

export const DETAIL_LIMIT = 400; // containers drawn one by one
export const ORBIT_LIMIT = 60; // containers drawn around one image
const SMALL_IMAGE = 3; // containers
const SMALL_ROOM = 120; // containers of small images in a crowd
const FRESH_MS = 20000; // how long one who came into a crowd is drawn alone
const RADIUS: Record<NodeKind, number> = { image: 27, container: 18, internet: 23, host: 23, service: 20 };

export function defaultFilters(): Filters {
  return { search: '', hidden: new Set(), troubled: false, images: true, surroundings: true };
}

export function nodeState(n: RadarNode): string {
  return n.state ?? (n.kind === 'container' || n.kind === 'image' ? 'unknown' : 'running');
}

function troubled(n: RadarNode): boolean {
  return n.color === 'red' || n.color === 'orange' || n.color === 'yellow' || isStopped(n.state);
}

function text(n: RadarNode, parent: RadarNode | undefined, edges: RadarEdge[]): string {
  const parts = [n.label, n.id, n.group ?? '', n.reason ?? '', parent?.label ?? ''];

  for (const e of edges) parts.push(`${e.proto}:${e.port} ${e.process ?? ''} ${e.domain ?? ''} ${e.country ?? ''}`);
  return parts.join(' ').toLowerCase();
}

interface Index {
  parents: Map<string, RadarNode>; // images by id
  children: Map<string, RadarNode[]>;
  edges: Map<string, RadarEdge[]>; // by either end
}

function index(state: RadarState): Index {
  const ix: Index = { parents: new Map(), children: new Map(), edges: new Map() };
  const push = <T>(map: Map<string, T[]>, key: string, value: T) => {
    const list = map.get(key);
    if (list) list.push(value);
    else map.set(key, [value]);
  };

  for (const n of state.nodes.values()) {
    if (n.kind === 'image') ix.parents.set(n.id, n);
    if (n.kind === 'container') push(ix.children, n.parent ?? '', n);
  }
  for (const e of state.edges.values()) {
    push(ix.edges, e.from, e);
    if (e.to !== e.from) push(ix.edges, e.to, e);
  }
  return ix;
}

// Which containers are drawn, by image; and how many of each image are only counted.
function choose(ix: Index, matches: (n: RadarNode) => boolean, options: SceneOptions, born: Map<string, number>) {
  const { filters, expanded, now } = options;
  const shown = new Map<string, RadarNode[]>();
  const counted = new Map<string, number>();
  const images = [...ix.children].map(([image, list]) =>
    [image, list.filter((n) => !filters.hidden.has(nodeState(n)) && (!filters.troubled || troubled(n)))] as const);
  const total = images.reduce((sum, [, list]) => sum + list.length, 0);
  const clustered = total > DETAIL_LIMIT;
  const stands = (n: RadarNode) => // alone, whatever the crowd
    isStopped(n.state) || n.color === 'red' || now - (born.get(n.id) ?? 0) < FRESH_MS || (filters.search !== '' && matches(n));
  let room = SMALL_ROOM;

  // Of a crowd the small images are drawn whole, as far as there is room.
  for (const [image, visible] of images.sort((a, b) => a[1].length - b[1].length || (a[0] < b[0] ? -1 : 1))) {
    const whole = !clustered || image === expanded || (visible.length <= SMALL_IMAGE && (room -= visible.length) >= 0);
    const drawn = (whole ? visible : visible.filter(stands)).sort(compareNodes).slice(0, ORBIT_LIMIT);
    shown.set(image, drawn);
    counted.set(image, visible.length - drawn.length);
  }
  return { shown, counted, clustered, total };
}

export interface SceneOptions {
  filters: Filters;
  expanded: string | null; // image whose containers are drawn even when clustered
  now: number; // ms: who came just now is drawn
}

export function buildScene(state: RadarState, layout: Layout, options: SceneOptions): Scene {
  const { filters } = options;
  const ix = index(state);
  const needle = filters.search.trim().toLowerCase();
  const matches = (n: RadarNode) =>
    needle === '' || text(n, ix.parents.get(n.parent ?? ''), ix.edges.get(n.id) ?? []).includes(needle);
  const { shown, counted, clustered, total } = choose(ix, matches, options, state.born);
  const { clusters, images } = gatherClusters(ix, filters, shown, counted);
  const ring = gatherRing(state, filters);
  const places = layout.update(clusters, ring);
  const nodes: SceneNode[] = [];
  const add = (n: RadarNode, extra: Partial<SceneNode> = {}) => {
    const p = places.points.get(n.id);
    if (!p) return;
    nodes.push({ id: n.id, kind: n.kind, node: n, state: nodeState(n), color: n.color ?? 'grey', ...p,
      r: RADIUS[n.kind], orbit: 0, count: 0, dim: !matches(n), ...extra });
  };

  for (const n of images) {
    const members = shown.get(n.id) ?? [];
    if (filters.images) add(n, {
      orbit: members.length ? (places.clusterRadius.get(n.id) ?? 0) : 0,
      count: counted.get(n.id) ?? 0,
      dim: !matches(n) && !members.some(matches),
    });
    members.forEach((m) => add(m));
  }
  for (const item of ring) add(state.nodes.get(item.id) as RadarNode);
  return { groups: gatherGroups(nodes, places), nodes, strokes: gatherStrokes(state, filters, nodes), places, clustered, containers: total };
}

function gatherClusters(ix: Index, filters: Filters, shown: Map<string, RadarNode[]>, counted: Map<string, number>) {
  const images = new Map(ix.parents);

  // A container that comes before its image has a stand-in, so that nothing is missing.
  for (const [id, list] of ix.children)
    if (!images.has(id) && list.length)
      images.set(id, { id, kind: 'image', label: id.replace(/^image:/, '') || 'unknown image' });
  const visible = [...images.values()]
    .filter((n) => (shown.get(n.id)?.length ?? 0) + (counted.get(n.id) ?? 0) > 0 ||
      (!ix.children.has(n.id) && !filters.hidden.has(nodeState(n)) && (!filters.troubled || troubled(n))))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const clusters: Cluster[] = visible.map((n) => ({
    id: n.id, group: n.group ?? null, members: (shown.get(n.id) ?? []).map((m) => m.id),
  }));
  return { clusters, images: visible };
}

const GROUPS_LIMIT = 60;

function gatherGroups(nodes: SceneNode[], places: Places): Group[] {
  const groups = new Map<string, Group>();

  for (const n of nodes) {
    if (n.kind !== 'image' || !n.node.group) continue;
    const g = groups.get(n.node.group) ?? { name: n.node.group, circles: [], links: [] };
    g.circles.push({ x: n.x, y: n.y, r: places.clusterRadius.get(n.id) ?? n.r });
    groups.set(g.name, g);
  }
  const found = [...groups.values()].filter((g) => g.circles.length > 1).slice(0, GROUPS_LIMIT);
  for (const g of found) g.links = spanningTree(g.circles);
  return found;
}

// The shortest links that make one of all (Prim): each circle joins by the nearest that is in.
export function spanningTree(circles: { x: number; y: number }[]): [number, number][] {
  const nearest = circles.map(() => ({ from: 0, distance: Infinity }));
  const out = new Set(circles.keys());
  const links: [number, number][] = [];
  let last = 0;

  out.delete(0);
  while (out.size > 0) {
    let next = -1;
    for (const i of out) {
      const distance = Math.hypot(circles[i].x - circles[last].x, circles[i].y - circles[last].y);
      if (distance < nearest[i].distance) nearest[i] = { from: last, distance };
      if (next < 0 || nearest[i].distance < nearest[next].distance) next = i;
    }
    links.push([nearest[next].from, next]);
    out.delete(next);
    last = next;
  }
  return links;
}

function gatherRing(state: RadarState, filters: Filters): RingItem[] {
  const ring: RingItem[] = [];

  for (const n of state.nodes.values()) {
    if (n.kind === 'internet') ring.push({ id: n.id, side: 'right' });
    else if ((n.kind === 'host' || n.kind === 'service') && filters.surroundings) ring.push({ id: n.id, side: 'left' });
  }
  return ring.sort((a, b) => (a.id < b.id ? -1 : 1));
}

// Containers that are only counted speak through their image.
function gatherStrokes(state: RadarState, filters: Filters, nodes: SceneNode[]): Stroke[] {
  const drawn = new Map(nodes.map((n) => [n.id, n]));
  const strokes = new Map<string, Stroke>();
  const end = (id: string): string | null => {
    if (drawn.has(id)) return id;
    const parent = state.nodes.get(id)?.parent;
    return parent && drawn.has(parent) ? parent : null;
  };

  for (const n of nodes)
    if (n.kind === 'container' && filters.images && n.node.parent && drawn.has(n.node.parent)) {
      const id = `tether:${n.id}`;
      strokes.set(id, { id, from: n.node.parent, to: n.id, effect: 'allow', edges: [], tether: true, dim: n.dim });
    }
  for (const e of state.edges.values()) {
    const from = end(e.from);
    const to = end(e.to);
    if (from === null || to === null || from === to) continue;
    const id = `${from}>${to}`;
    const effect = edgeEffect(e.effect);
    const stroke = strokes.get(id);
    if (!stroke) {
      const dim = Boolean(drawn.get(from)?.dim && drawn.get(to)?.dim);
      strokes.set(id, { id, from, to, effect, edges: [e], tether: false, dim });
      continue;
    }
    stroke.edges.push(e);
    if (EFFECT_RANK[effect] > EFFECT_RANK[stroke.effect]) stroke.effect = effect;
  }
  return [...strokes.values()];
}
