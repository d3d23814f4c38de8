// SPDX-License-Identifier: Apache-2.0
// Where things are on the Radar. Places are handed out once and kept: a new node takes a free place
// and moves nobody. Images sit in the middle with their containers on small orbits around them, the
// internet's countries on an outer ring from the right, hosts and networks on its left. Pure: the
// same calls give the same places.

export interface Point {
  x: number;
  y: number;
}

export interface Cluster {
  id: string;
  group: string | null; // members of one project or namespace are put near each other
  members: string[]; // containers that are drawn
}

export interface RingItem {
  id: string;
  side: 'right' | 'left';
}

export interface Places {
  points: Map<string, Point>;
  clusterRadius: Map<string, number>;
  ring: { rx: number; ry: number };
}

export const ASPECT = 1.32; // the ring is an ellipse: screens are wide
const CROWD_ASPECT = 1.12; // of the images in the middle
const ORBIT = 86; // distance of the first orbit from the image, and between orbits
const ORBIT_SINGLE = 68; // of an only container, right below its image
const HUB_RADIUS = 62; // of an image without containers, label included
const SINGLE_RADIUS = 104;
const ORBIT_RADIUS = 128;
const SPIRAL_STEP = 40;
const SPIRAL_END = 60000;
const WEIGHED_TRIES = 420; // candidates that are compared before the first that fits is taken
const GROUP_WEIGHT = 0.7; // how much being near one's group counts against being near the middle
const RING_MARGIN = 96;
const RING_STEP = 60; // the ring grows in steps, so that it does not breathe with every container
const RING_MIN = 290;
const LEFT_SLOTS = 7;
const RIGHT_SLOTS = 17;
const SLOT_ANGLE = 15;
const GOLDEN = Math.PI * (3 - Math.sqrt(5));
// Of the first orbit: below the image first, above it last, for there its name stands.
const FIRST_ORBIT = [90, 30, 150, 345, 195, 270];

interface Placed {
  x: number;
  y: number;
  r: number;
  group: string | null;
  slots: (string | null)[]; // containers by their place on the orbits
}

// How many orbits n containers need: orbit k holds 6k.
export function orbitsFor(n: number): number {
  let orbits = 0;

  for (let room = 0; room < n; room += 6 * orbits) orbits++;
  return orbits;
}

// The room that an image with n containers takes.
export function clusterRadius(n: number): number {
  if (n === 0) return HUB_RADIUS;
  return n === 1 ? SINGLE_RADIUS : ORBIT_RADIUS + (orbitsFor(n) - 1) * ORBIT;
}

// Place number `slot` on the orbits around an image, relative to it.
export function orbitPoint(slot: number, single = false): Point {
  let orbit = 1;

  while (slot >= 6 * orbit) {
    slot -= 6 * orbit;
    orbit++;
  }
  const degrees = orbit === 1 ? FIRST_ORBIT[slot] : (slot * 360) / (6 * orbit) + (orbit % 2 ? 30 : 15);
  const angle = degrees * (Math.PI / 180);
  const r = single && slot === 0 ? ORBIT_SINGLE : ORBIT * orbit;
  return { x: Math.cos(angle) * r, y: Math.sin(angle) * r };
}

// Free places near the middle of the side first, alternating up and down.
export function ringAngle(side: 'right' | 'left', slot: number): { angle: number; lap: number } {
  const perLap = side === 'right' ? RIGHT_SLOTS : LEFT_SLOTS;
  const lap = Math.floor(slot / perLap);
  const i = slot % perLap;
  const steps = Math.ceil(i / 2) * (i % 2 ? 1 : -1);
  const angle = steps * SLOT_ANGLE + (lap % 2 ? SLOT_ANGLE / 2 : 0);

  return { angle: side === 'right' ? angle : 180 - angle, lap };
}

export class Layout {
  private clusters = new Map<string, Placed>();
  private ringSlots = { left: [] as (string | null)[], right: [] as (string | null)[] };
  private buckets = new Map<string, Set<Placed>>();
  private nextCandidate = new Map<number, number>(); // by radius: where the last search ended
  private ringRadius = RING_MIN;

  update(clusters: Cluster[], ring: RingItem[]): Places {
    this.dropAbsent(clusters, ring);
    for (const c of clusters) this.placeCluster(c);
    for (const item of ring) this.placeOnRing(item);
    return this.collect();
  }

  private dropAbsent(clusters: Cluster[], ring: RingItem[]): void {
    const present = new Set(clusters.map((c) => c.id));

    for (const [id, placed] of this.clusters)
      if (!present.has(id)) {
        this.unbucket(placed);
        this.clusters.delete(id);
        this.nextCandidate.clear(); // a place became free: look from the middle again
      }
    const onRing = new Set(ring.map((r) => r.id));
    for (const slots of Object.values(this.ringSlots))
      slots.forEach((id, i) => {
        if (id !== null && !onRing.has(id)) slots[i] = null;
      });
  }

  private placeCluster(c: Cluster): void {
    const need = clusterRadius(c.members.length);
    let placed = this.clusters.get(c.id);

    if (!placed || need > placed.r) {
      const slots = placed?.slots ?? [];
      const before = placed ? { x: placed.x, y: placed.y } : null;
      if (placed) this.unbucket(placed);
      placed = { ...this.findPlace(need, c.group, before), r: need, group: c.group, slots };
      this.clusters.set(c.id, placed);
      this.bucket(placed);
    }
    this.placeMembers(placed, c.members);
  }

  private placeMembers(placed: Placed, members: string[]): void {
    const present = new Set(members);
    const seated = new Set<string>();

    placed.slots.forEach((id, i) => {
      if (id !== null && present.has(id)) seated.add(id);
      else placed.slots[i] = null;
    });
    let free = 0;
    for (const id of members) {
      if (seated.has(id)) continue;
      while (placed.slots[free] != null) free++;
      placed.slots[free] = id;
    }
  }

  // The place where it is, if it still fits there; else near the middle and near its group.
  private findPlace(r: number, group: string | null, before: Point | null): Point {
    if (before && this.fits(before.x, before.y, r)) return before;
    const centre = group === null ? null : this.groupCentre(group);
    const start = this.nextCandidate.get(r) ?? 0;
    const tries = centre && this.clusters.size < WEIGHED_TRIES ? WEIGHED_TRIES : 0;
    let best: Point | null = null;
    let bestCost = Infinity;

    for (let i = 0; i < tries; i++) {
      const p = spiral(i);
      const cost = crowded(p.x, p.y) + (centre ? GROUP_WEIGHT * crowded(p.x - centre.x, p.y - centre.y) : 0);
      if (cost >= bestCost || !this.fits(p.x, p.y, r)) continue;
      best = p;
      bestCost = cost;
    }
    if (best) return best;
    for (let i = start; i < SPIRAL_END; i++) {
      const p = spiral(i);
      if (!this.fits(p.x, p.y, r)) continue;
      this.nextCandidate.set(r, i);
      return p;
    }
    return spiral(SPIRAL_END);
  }

  private groupCentre(group: string): Point | null {
    const members = [...this.clusters.values()].filter((p) => p.group === group);

    if (members.length === 0) return null;
    return {
      x: members.reduce((sum, m) => sum + m.x, 0) / members.length,
      y: members.reduce((sum, m) => sum + m.y, 0) / members.length,
    };
  }

  private fits(x: number, y: number, r: number): boolean {
    for (const key of bucketKeys(x, y, r))
      for (const other of this.buckets.get(key) ?? [])
        if (Math.hypot(other.x - x, other.y - y) < other.r + r) return false;
    return true;
  }

  private bucket(p: Placed): void {
    for (const key of bucketKeys(p.x, p.y, p.r)) {
      const bucket = this.buckets.get(key) ?? new Set();
      bucket.add(p);
      this.buckets.set(key, bucket);
    }
  }

  private unbucket(p: Placed): void {
    for (const key of bucketKeys(p.x, p.y, p.r)) this.buckets.get(key)?.delete(p);
  }

  private placeOnRing(item: RingItem): void {
    const slots = this.ringSlots[item.side];

    if (slots.includes(item.id)) return;
    const free = slots.indexOf(null);
    slots[free < 0 ? slots.length : free] = item.id;
  }

  private collect(): Places {
    const points = new Map<string, Point>();
    const radii = new Map<string, number>();
    let extent = 0;

    for (const [id, p] of this.clusters) {
      points.set(id, { x: p.x, y: p.y });
      radii.set(id, p.r);
      extent = Math.max(extent, squeezed(p.x, p.y) + p.r * 0.85);
      const single = p.slots.filter((m) => m !== null).length === 1;
      p.slots.forEach((member, slot) => {
        if (member === null) return;
        const at = orbitPoint(slot, single);
        points.set(member, { x: p.x + at.x, y: p.y + at.y });
      });
    }
    const steps = Math.max(0, Math.ceil((extent + RING_MARGIN - RING_MIN) / RING_STEP));
    this.ringRadius = RING_MIN + steps * RING_STEP;
    this.collectRing(points);
    return { points, clusterRadius: radii, ring: { rx: this.ringRadius * ASPECT, ry: this.ringRadius } };
  }

  private collectRing(points: Map<string, Point>): void {
    for (const side of ['left', 'right'] as const)
      this.ringSlots[side].forEach((id, slot) => {
        if (id === null) return;
        const { angle, lap } = ringAngle(side, slot);
        const r = this.ringRadius + Math.floor(lap / 2) * RING_STEP;
        const a = (angle * Math.PI) / 180;
        points.set(id, { x: Math.cos(a) * r * ASPECT, y: Math.sin(a) * r });
      });
  }
}

// The distance from the middle in the ring's measure.
function squeezed(x: number, y: number): number {
  return Math.hypot(x / ASPECT, y);
}

function crowded(x: number, y: number): number {
  return Math.hypot(x / CROWD_ASPECT, y);
}

// Candidates for a place, from the middle outwards, spread as evenly as sunflower seeds.
function spiral(i: number): Point {
  const r = SPIRAL_STEP * Math.sqrt(i);

  return { x: Math.cos(i * GOLDEN) * r * CROWD_ASPECT, y: Math.sin(i * GOLDEN) * r };
}

const BUCKET = 320;

function bucketKeys(x: number, y: number, r: number): string[] {
  const keys: string[] = [];

  for (let bx = Math.floor((x - r) / BUCKET); bx <= Math.floor((x + r) / BUCKET); bx++)
    for (let by = Math.floor((y - r) / BUCKET); by <= Math.floor((y + r) / BUCKET); by++) keys.push(`${bx},${by}`);
  return keys;
}
