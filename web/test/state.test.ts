// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import type { RadarEdge, RadarNode } from '../src/core/types';
import { shownBadges } from '../src/radar/badges';
import { Layout } from '../src/radar/layout';
import { buildScene, defaultFilters, DETAIL_LIMIT, ORBIT_LIMIT, spanningTree } from '../src/radar/scene';
import { applyEvent, compareNodes, containerId, edgeEffect, emptyState, loadSnapshot, neighbours } from '../src/radar/state';

const image = (name: string): RadarNode => ({ id: `image:${name}`, kind: 'image', label: name, state: 'running' });
const container = (id: string, parent = 'web', state: RadarNode['state'] = 'running'): RadarNode => ({
  id: `container:${id}`, kind: 'container', parent: `image:${parent}`, label: id, state, color: 'green',
});
const edge = (from: string, to: string, values: Partial<RadarEdge> = {}): RadarEdge => ({
  id: `${from}>${to}:${values.port ?? 80}`, from, to, proto: 'tcp', port: 80, process: '/bin/x', count: 1, bytes: 1, first: null, last: null, effect: 'allow', ...values,
});
const scene = (state = emptyState(), filters = {}, expanded: string | null = null) =>
  buildScene(state, new Layout(), { filters: { ...defaultFilters(), ...filters }, expanded, now: 1e6 });

function shop() {
  const state = emptyState();
  loadSnapshot(state, {
    seq: 1,
    nodes: [image('web'), container('a'), container('b'), { id: 'internet:SG', kind: 'internet', label: 'Singapore', country: 'SG' }, { id: 'host:h', kind: 'host', label: 'h' }],
    edges: [edge('container:a', 'internet:SG', { port: 5555, process: '/usr/bin/nginx' })],
  });
  return state;
}

test('events insert, replace and remove', () => {
  const state = shop();
  assert.equal(applyEvent(state, { op: 'node', node: container('c') }, 100), 'changed');
  assert.equal(state.nodes.get('container:c')?.label, 'c');
  assert.equal(state.born.get('container:c'), 100);
  assert.equal(state.born.get('container:a'), 0, 'what was there before us is not new');
  applyEvent(state, { op: 'node', node: { ...container('c'), label: 'renamed' } }, 200);
  assert.equal(state.nodes.get('container:c')?.label, 'renamed');
  assert.equal(state.born.get('container:c'), 100, 'a change is not a birth');
  applyEvent(state, { op: 'remove', id: 'container:c' }, 300);
  assert.equal(state.nodes.has('container:c'), false);
});

test('a node takes its edges with it, an edge goes alone', () => {
  const state = shop();
  applyEvent(state, { op: 'edge', edge: edge('container:b', 'internet:SG') }, 1);
  assert.equal(neighbours(state, 'internet:SG').length, 2);
  applyEvent(state, { op: 'remove', id: 'container:b>internet:SG:80' }, 2);
  assert.equal(state.nodes.has('container:b'), true);
  applyEvent(state, { op: 'remove', id: 'container:a' }, 3);
  assert.equal(state.edges.size, 0);
});

test('reset asks for everything', () => {
  assert.equal(applyEvent(shop(), { op: 'reset' }, 1), 'reset');
});

test('the moment of a block is kept until it is not blocked', () => {
  const state = shop();
  applyEvent(state, { op: 'node', node: container('a', 'web', 'blocked') }, 50);
  applyEvent(state, { op: 'node', node: container('a', 'web', 'blocked') }, 90);
  assert.equal(state.blocked.get('container:a'), 50);
  applyEvent(state, { op: 'node', node: container('a') }, 99);
  assert.equal(state.blocked.has('container:a'), false);
});

test('a refused one is remembered as a blocked one is, and stands out', () => {
  const state = shop();
  const refused: RadarNode = { ...container('w', 'worm', 'refused'), id: 'refused:w@worm', color: 'red', reason: '[Seawall] no' };
  applyEvent(state, { op: 'node', node: refused }, 70);
  assert.equal(state.blocked.get('refused:w@worm'), 70);
  assert.ok(scene(state, { troubled: true }).nodes.some((n) => n.id === 'refused:w@worm'));
  assert.ok(compareNodes(refused, container('a')) < 0);
  applyEvent(state, { op: 'remove', id: 'refused:w@worm' }, 90);
  assert.equal(state.blocked.has('refused:w@worm'), false);
});

test('the badges that are drawn', () => {
  const shown = (kind: RadarNode['kind'], badges: string[] | null) => shownBadges(kind, badges).map((b) => b.id);
  assert.deepEqual(shown('container', ['internet', 'untrusted', 'incident', 'compliance']), ['incident', 'compliance'], 'the two that matter most');
  assert.deepEqual(shown('image', ['untrusted']), ['untrusted']);
  assert.deepEqual(shown('image', null), []);
  assert.deepEqual(shownBadges('host', ['daemon on open TCP', 'socket for all']), [{ id: 'compliance', text: 'daemon on open TCP, socket for all' }]);
  assert.deepEqual(shown('host', []), []);
});

test('small helpers', () => {
  assert.equal(containerId('container:abc'), 'abc');
  assert.equal(edgeEffect('disable'), 'allow');
  assert.equal(edgeEffect('block'), 'block');
});

test('a scene has every node, a tether to each container and one stroke for each pair', () => {
  const state = shop();
  applyEvent(state, { op: 'edge', edge: edge('container:a', 'internet:SG', { port: 443, effect: 'block' }) }, 1);
  const s = scene(state);
  assert.equal(s.nodes.length, 5);
  assert.equal(s.strokes.filter((x) => x.tether).length, 2);
  const stroke = s.strokes.find((x) => !x.tether);
  assert.equal(stroke?.edges.length, 2);
  assert.equal(stroke?.effect, 'block', 'the strongest effect shows');
});

test('search dims what does not match, by process and port of connections too', () => {
  const s = scene(shop(), { search: '5555' });
  const dim = Object.fromEntries(s.nodes.map((n) => [n.id, n.dim]));
  assert.equal(dim['container:a'], false);
  assert.equal(dim['container:b'], true);
  assert.equal(dim['image:web'], false, 'an image of a hit is not dim');
});

test('states can be hidden', () => {
  const state = shop();
  applyEvent(state, { op: 'node', node: container('a', 'web', 'exited') }, 1);
  const s = scene(state, { hidden: new Set(['exited']) });
  assert.equal(s.nodes.some((n) => n.id === 'container:a'), false);
  assert.equal(s.nodes.some((n) => n.id === 'container:b'), true);
});

test('a container before its image is not lost', () => {
  const state = emptyState();
  applyEvent(state, { op: 'node', node: container('early', 'later') }, 1);
  assert.equal(scene(state).nodes.some((n) => n.id === 'container:early'), true);
});

test('beyond the limit images stand for their containers, but never for a blocked one', () => {
  const state = emptyState();
  for (let i = 0; i < DETAIL_LIMIT + 50; i++) applyEvent(state, { op: 'node', node: container(`c${i}`) }, 1);
  applyEvent(state, { op: 'node', node: image('web') }, 1);
  applyEvent(state, { op: 'node', node: { id: 'internet:SG', kind: 'internet', label: 'SG', country: 'SG' } }, 1);
  applyEvent(state, { op: 'node', node: container('c7', 'web', 'blocked') }, 1);
  applyEvent(state, { op: 'edge', edge: edge('container:c9', 'internet:SG') }, 1);
  const s = scene(state);
  assert.equal(s.clustered, true);
  assert.deepEqual(s.nodes.filter((n) => n.kind === 'container').map((n) => n.id), ['container:c7']);
  assert.equal(s.nodes.find((n) => n.kind === 'image')?.count, DETAIL_LIMIT + 49);
  assert.equal(s.strokes.find((x) => !x.tether)?.from, 'image:web', 'its connections leave from the image');
  const open = scene(state, {}, 'image:web');
  assert.equal(open.nodes.filter((n) => n.kind === 'container').length, ORBIT_LIMIT);
  applyEvent(state, { op: 'node', node: container('fresh') }, 1e6 - 5000);
  applyEvent(state, { op: 'node', node: container('small', 'another') }, 1);
  const drawn = scene(state).nodes.filter((n) => n.kind === 'container').map((n) => n.node.label).sort();
  assert.deepEqual(drawn, ['c7', 'fresh', 'small'], 'who came just now, and small images, are drawn');
  const found = scene(state, { search: 'c123' });
  assert.ok(found.nodes.some((n) => n.id === 'container:c123'), 'a search finds what is only counted');
});

test('images of one project stand on common ground that is one', () => {
  const state = emptyState();
  for (const name of ['a', 'b', 'c', 'alone']) {
    applyEvent(state, { op: 'node', node: { ...image(name), group: name === 'alone' ? 'other' : 'shop' } }, 1);
    applyEvent(state, { op: 'node', node: container(`in-${name}`, name) }, 1);
  }
  const { groups } = scene(state);
  assert.deepEqual(groups.map((g) => [g.name, g.circles.length, g.links.length]), [['shop', 3, 2]]);
});

test('the links between circles are the shortest', () => {
  const line = [{ x: 0, y: 0 }, { x: 30, y: 0 }, { x: 10, y: 0 }, { x: 20, y: 0 }];
  assert.deepEqual(spanningTree(line), [[0, 2], [2, 3], [3, 1]]);
  assert.deepEqual(spanningTree([{ x: 1, y: 1 }]), []);
});
