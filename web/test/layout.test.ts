// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { type Cluster, clusterRadius, Layout, orbitPoint, orbitsFor, ringAngle, type RingItem } from '../src/radar/layout';

const cluster = (id: string, members = 1, group: string | null = null): Cluster => ({
  id, group, members: Array.from({ length: members }, (_, i) => `${id}/${i}`),
});
const many = (n: number, members = 1) => Array.from({ length: n }, (_, i) => cluster(`image:${i}`, members));

test('orbits hold 6, 18, 36 containers', () => {
  assert.deepEqual([0, 1, 6, 7, 18, 19, 36, 37].map(orbitsFor), [0, 1, 1, 2, 2, 3, 3, 4]);
});

test('no two places on the orbits are the same or too near', () => {
  const places = Array.from({ length: 60 }, (_, i) => orbitPoint(i));
  for (let a = 0; a < places.length; a++)
    for (let b = 0; b < a; b++) {
      const d = Math.hypot(places[a].x - places[b].x, places[a].y - places[b].y);
      assert.ok(d > 60, `places ${b} and ${a} are ${d.toFixed(0)} apart`);
    }
});

test('clusters never overlap', () => {
  const clusters = [...many(40, 3), cluster('big', 50), cluster('empty', 0)];
  const { points, clusterRadius: radii } = new Layout().update(clusters, []);
  for (const a of clusters)
    for (const b of clusters) {
      if (a.id >= b.id) continue;
      const p = points.get(a.id)!;
      const q = points.get(b.id)!;
      assert.ok(Math.hypot(p.x - q.x, p.y - q.y) >= radii.get(a.id)! + radii.get(b.id)! - 1e-6, `${a.id} and ${b.id} overlap`);
    }
});

test('a new image, container or country moves nobody', () => {
  const layout = new Layout();
  const ring: RingItem[] = [{ id: 'internet:DE', side: 'right' }, { id: 'host:a', side: 'left' }];
  const before = layout.update(many(12, 3), ring);
  const after = layout.update([...many(12, 3), cluster('image:new', 1)], [...ring, { id: 'internet:AA', side: 'right' }]);
  for (const [id, p] of before.points) {
    if (id.startsWith('internet:') || id.startsWith('host:')) continue; // the ring may grow
    assert.deepEqual(after.points.get(id), p, `${id} moved`);
  }
  const grown = layout.update([...many(11, 3), cluster('image:11', 4), cluster('image:new', 1)], ring);
  for (const [id, p] of before.points)
    if (id.startsWith('image:')) assert.deepEqual(grown.points.get(id), p, `${id} moved when a container came`);
});

test('a container that goes leaves its place to the next, others stay', () => {
  const layout = new Layout();
  const c = cluster('i', 4);
  const before = layout.update([c], []).points;
  const without = layout.update([{ ...c, members: c.members.filter((m) => m !== 'i/1') }], []).points;
  assert.deepEqual(without.get('i/3'), before.get('i/3'));
  const next = layout.update([{ ...c, members: ['i/0', 'i/2', 'i/3', 'fresh'] }], []).points;
  assert.deepEqual(next.get('fresh'), before.get('i/1'));
});

test('the same calls give the same places', () => {
  const places = () => new Layout().update([...many(30, 2), cluster('x', 9, 'shop')], [{ id: 'internet:SG', side: 'right' }]);
  assert.deepEqual([...places().points], [...places().points]);
});

test('members of a group are nearer to each other than the crowd is wide', () => {
  const clusters = many(20).map((c, i) => ({ ...c, group: i % 4 === 0 ? 'shop' : null }));
  const { points } = new Layout().update(clusters, []);
  const mean = (of: Cluster[]) => {
    let sum = 0;
    let n = 0;
    for (const a of of) for (const b of of) if (a !== b) {
      sum += Math.hypot(points.get(a.id)!.x - points.get(b.id)!.x, points.get(a.id)!.y - points.get(b.id)!.y);
      n++;
    }
    return sum / n;
  };
  assert.ok(mean(clusters.filter((c) => c.group)) < mean(clusters));
});

test('countries are right, hosts left, none in the same place', () => {
  const ring: RingItem[] = Array.from({ length: 80 }, (_, i) => ({ id: `internet:${i}`, side: 'right' as const }));
  const { points } = new Layout().update([], [...ring, { id: 'host:h', side: 'left' }]);
  assert.ok(points.get('host:h')!.x < 0);
  assert.ok(points.get('internet:0')!.x > 0);
  const places = new Set([...points.values()].map((p) => `${p.x.toFixed(1)},${p.y.toFixed(1)}`));
  assert.equal(places.size, 81);
});

test('ring places alternate around the middle of their side', () => {
  assert.deepEqual([0, 1, 2, 3].map((i) => ringAngle('right', i).angle + 0), [0, 15, -15, 30]);
  assert.equal(ringAngle('left', 0).angle, 180);
});

test('a cluster that grows keeps its place where there is room', () => {
  const layout = new Layout();
  const before = layout.update([cluster('only', 1)], []);
  const after = layout.update([cluster('only', 30)], []);
  assert.deepEqual(after.points.get('only'), before.points.get('only'));
  assert.equal(after.clusterRadius.get('only'), clusterRadius(30));
});

test('ten thousand containers are placed in time', () => {
  const started = performance.now();
  const { points } = new Layout().update(many(2000, 5), []);
  assert.equal(points.size, 2000 * 6);
  assert.ok(performance.now() - started < 5000);
});
