// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import type { FlightEvent } from '../src/core/types';
import { bySecond, CATEGORY, filterEvents, histogram, processTree } from '../src/forensics/story';

let seq = 0;
const at = (ms: number) => new Date(1700000000000 + ms).toISOString().replace('Z', '000000Z');
const event = (ms: number, type: string, values: Partial<FlightEvent> = {}): FlightEvent =>
  ({ seq: ++seq, time: at(ms), type, pid: 0, ppid: 0, path: null, args: [], user: null, count: 1, exit_code: 0, exit_signal: 0, port: 0, effect: null, ...values }) as FlightEvent;

const attack = () => [
  event(0, 'start'),
  event(1, 'exec', { pid: 10, ppid: 1, path: '/init', args: ['init'], user: 'root' }),
  event(5, 'fork', { pid: 11, ppid: 10 }),
  event(6, 'exec', { pid: 11, ppid: 10, path: '/usr/bin/nginx', args: ['nginx', '-o', 'stratum+tcp://x'] }),
  event(900, 'connect', { pid: 11, path: '/usr/bin/nginx', address: '203.0.113.7', port: 5555 }),
  event(1200, 'audit', { pid: 11, path: '/usr/bin/nginx', effect: 'alert', message: 'crypto miner' }),
  event(2500, 'audit', { pid: 11, path: '/usr/bin/nginx', effect: 'block', message: 'crypto miner' }),
  event(2501, 'exit', { pid: 11, exit_signal: 9 }),
  event(4000, 'fork', { pid: 11, ppid: 10 }), // the pid is used again
  event(4001, 'exec', { pid: 11, ppid: 10, path: '/bin/true', args: ['true'] }),
];

test('the tree has parents, endings, audits, and tells used-again pids apart', () => {
  const { roots } = processTree(attack());
  assert.equal(roots.length, 1);
  const [miner, later] = roots[0].children;
  assert.equal(miner.path, '/usr/bin/nginx');
  assert.equal(miner.exitSignal, 9);
  assert.equal(miner.audits, 2);
  assert.equal(miner.worst, 'block');
  assert.equal(miner.connections, 1);
  assert.equal(later.path, '/bin/true');
  assert.notEqual(miner.key, later.key);
});

test('a fork without exec runs the program of its parent', () => {
  const { roots } = processTree([event(0, 'exec', { pid: 1, path: '/bin/sh', args: ['sh'] }), event(1, 'fork', { pid: 2, ppid: 1 })]);
  assert.equal(roots[0].children[0].path, '/bin/sh');
});

test('a process that is its own parent does not hang', () => {
  const { roots } = processTree([event(0, 'exec', { pid: 1, ppid: 1, path: '/x' })]);
  assert.equal(roots.length, 1);
  assert.equal(roots[0].children.length, 0);
});

test('seconds keep order and lose nothing', () => {
  const seconds = bySecond(attack());
  assert.equal(seconds.flatMap((s) => s.events).length, 10);
  assert.deepEqual(seconds.map((s) => s.events.length), [5, 1, 2, 2]);
});

test('the histogram counts each entry once', () => {
  const bars = histogram(attack(), 20);
  assert.equal(bars.reduce((n, b) => n + b.total, 0), 10);
  assert.equal(bars.reduce((n, b) => n + b.counts.audit, 0), 2);
  assert.deepEqual(histogram([], 20), []);
});

test('filters: category, text, time, process and what is below it', () => {
  const events = attack();
  const { roots, byEvent } = processTree(events);
  const all = { categories: new Set(Object.values(CATEGORY)), search: '', from: null, to: null, process: null };
  const types = (f: object) => filterEvents(events, { ...all, ...f }, byEvent).map((e) => e.type);
  assert.equal(types({}).length, 10);
  assert.deepEqual(types({ categories: new Set(['network']) }), ['connect']);
  assert.deepEqual(types({ search: '5555' }), ['connect']);
  assert.deepEqual(types({ from: 1700000001000, to: 1700000002600 }), ['audit', 'audit', 'exit']);
  assert.equal(types({ process: roots[0].children[0] }).length, 6);
  assert.equal(types({ process: roots[0] }).length, 9);
});
