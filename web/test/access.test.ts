// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { accessQuery, commandOf, concerns, isRoutine, LOCAL, matchesAccess, newestFirst, patternOf, saidOf, userOf, verdictOf } from '../src/core/commands';
import { collect } from '../src/core/paging';
import type { Audit, EngineCommand } from '../src/core/types';

const command = (values: Partial<EngineCommand> = {}): EngineCommand => ({
  user: 'bob', groups: ['dev'], address: '192.0.2.31', action: 'container_create', target: 'web', method: 'POST', path: '/containers/create', parameters: [], verdict: 'allow', ...values,
});
// As the Console sends an audit; only what matters here is changed.
const audit = (id: string, c: Partial<EngineCommand> = {}, values: Partial<Audit> = {}): Audit => ({
  id, time: '2026-11-25T04:00:00.000000000Z', kind: 'access', detection: null, rule: null, revision: 1, effect: 'disable', done: null, severity: null, techniques: [], message: null, evidence: null,
  process: { pid: 0, ppid: 0, start: null, path: null, args: [], args_truncated: false, user: null, ancestry: [] }, file: null, hash: null,
  network: { direction: null, proto: null, address: null, port: 0, country: null, domain: null },
  container: { id: null, name: null, image: null, digest: null, pod: null, namespace: null, workload: null },
  host: 'h', count: 1, first: null, last: null, incident: null, latency_ns: 0, command: command(c), ...values,
});
const all = { user: '', action: '', text: '', verdict: '' };

test('the verdict is what the command says, else what was done', () => {
  assert.equal(verdictOf(audit('a', { verdict: 'deny' })), 'deny');
  assert.equal(verdictOf(audit('a', { verdict: null }, { done: 'block', effect: 'block' })), 'deny');
  assert.equal(verdictOf(audit('a', { verdict: null }, { effect: 'alert' })), 'alert');
  assert.equal(verdictOf(audit('a', { verdict: 'nonsense' })), 'allow');
  assert.equal(verdictOf({ ...audit('a'), command: undefined }), 'allow');
  assert.deepEqual(commandOf({ ...audit('a'), command: null }).parameters, []);
});

test('nobody in particular is the local socket', () => {
  assert.equal(userOf(command({ user: null })), LOCAL);
  assert.equal(userOf(command({ user: '' })), LOCAL);
  assert.equal(userOf(command()), 'bob');
});

test('what nobody objected to is routine, and only that', () => {
  assert.equal(isRoutine(audit('a')), true);
  assert.equal(isRoutine(audit('a', { verdict: 'deny' })), false);
  assert.equal(isRoutine(audit('a', {}, { kind: 'runtime' })), false);
});

test('filters', () => {
  const a = audit('a', { target: 'shop-web-1' }, { container: { ...audit('x').container, image: 'docker.io/library/nginx:1' } });
  const is = (f: Partial<typeof all>) => matchesAccess(a, { ...all, ...f });
  assert.equal(is({}), true);
  assert.equal(is({ user: 'BO' }), true);
  assert.equal(is({ user: 'dev' }), false, 'a group is no user');
  assert.equal(is({ text: 'DEV' }), true, 'but text');
  assert.equal(is({ user: 'bo*' }), true);
  assert.equal(is({ user: '*bo' }), false);
  assert.equal(is({ user: '*' }), true);
  assert.equal(is({ user: 'local' }), false);
  assert.equal(is({ action: 'create' }), true);
  assert.equal(is({ action: 'exec' }), false);
  assert.equal(is({ action: '*_create' }), true);
  assert.equal(is({ action: 'create*' }), false);
  assert.equal(is({ text: 'web-1' }), true);
  assert.equal(is({ text: 'nginx' }), true, 'an image is found');
  assert.equal(is({ text: 'apache' }), false);
  assert.equal(matchesAccess(audit('p', { parameters: ['privileged=true'] }), { ...all, text: 'privileged' }), true);
  assert.equal(is({ verdict: 'allow' }), true);
  assert.equal(is({ verdict: 'deny' }), false);
  assert.equal(is({ user: 'bob', action: 'exec' }), false, 'all must match');
  assert.equal(matchesAccess({ ...a, kind: 'runtime' }, all), false, 'other audits are no commands');
  assert.equal(matchesAccess(audit('b', { user: null }), { ...all, user: 'socket' }), true);
});

test('a filter as the API takes it', () => {
  assert.deepEqual(accessQuery(all), { kind: 'access', user: '', action: '', verdict: '', text: '' });
  assert.deepEqual(accessQuery({ user: ' bo', action: 'container_*', text: ' web ', verdict: 'deny' }), { kind: 'access', user: '*bo*', action: 'container_*', verdict: 'deny', text: 'web' });
  assert.deepEqual(['', 'x', '*x', 'x*', '*x*', '*'].map(patternOf), ['', '*x*', '*x', 'x*', '*x*', '*']);
});

test('which commands concern a container', () => {
  const id = 'ab'.repeat(32);
  const c = { id, name: 'web' };
  const ref = audit('x').container;
  assert.equal(concerns(audit('a'), c), true, 'by its name');
  assert.equal(concerns(audit('a', { target: id.slice(0, 12) }), c), true, 'by a prefix of its id');
  assert.equal(concerns(audit('a', { target: 'ab' }), c), false, 'a short prefix may be another one');
  assert.equal(concerns(audit('a', { target: null }), c), false);
  assert.equal(concerns(audit('a', { target: 'x' }, { container: { ...ref, id } }), c), true, 'by the word of the Gate');
  assert.equal(concerns(audit('a', { target: 'web' }, { container: { ...ref, id: 'other' } }), c), false, 'a name is used again; an id is not');
  assert.equal(concerns(audit('a', {}, { kind: 'trust' }), c), false);
});

test('what was said to a command', () => {
  const said = (message: string | null, rule: string | null = null) => saidOf(audit('a', { verdict: 'deny' }, { message, rule }));
  assert.deepEqual(said("bob from 192.0.2.31: container_create web (image docker.io/x:1): denied by rule 'no remote start': ask: the team"), { rule: 'no remote start', reason: 'ask: the team' });
  assert.deepEqual(said("the local socket: container_exec_create db: allowed, with a warning by rule 'exec'"), { rule: 'exec', reason: '' });
  assert.deepEqual(said('bob: container_create web: denied: it cannot be judged: cut off'), { rule: null, reason: 'it cannot be judged: cut off' });
  assert.match(said('bob: container_create web: denied by the gate of what is created', 'the rest').reason, /trust or compliance/);
  assert.equal(said('bob: container_create web: denied by the gate of what is created', 'the rest').rule, null, 'the rule that would have allowed it did not refuse it');
  assert.deepEqual(said("[Seawall] command blocked by rule 'x': why"), { rule: 'x', reason: 'why' });
  assert.deepEqual(said('something else', 'r'), { rule: 'r', reason: 'something else' });
});

test('each audit once, with its highest count, newest first', () => {
  const old = audit('a', {}, { count: 1, last: '2026-11-25T04:00:00Z' });
  const again = audit('a', {}, { count: 7, last: '2026-11-25T04:05:00Z' });
  const other = audit('b', {}, { time: '2026-11-25T04:03:00Z' });
  assert.deepEqual(newestFirst([again, other, old]).map((a) => [a.id, a.count]), [['a', 7], ['b', 1]]);
});

test('going back stops when there is enough, at the end, or after so many pages', async () => {
  const pages: Record<string, { items: number[]; next: string | null }> = { '': { items: [1, 2, 3], next: 'p2' }, p2: { items: [4, 5, 6], next: 'p3' }, p3: { items: [7, 8, 9], next: null } };
  const asked: string[] = [];
  const load = async (cursor: string | null) => {
    asked.push(cursor ?? '');
    return pages[cursor ?? ''];
  };
  assert.deepEqual(await collect(load, (n) => n % 2 === 0, 2, null), { items: [2, 4, 6], next: 'p3', looked: 6 });
  assert.deepEqual(asked, ['', 'p2']);
  assert.deepEqual(await collect(load, (n) => n > 100, 2, null), { items: [], next: null, looked: 9 }, 'the end');
  assert.deepEqual(await collect(load, (n) => n > 100, 2, null, 2), { items: [], next: 'p3', looked: 6 }, 'not for ever');
  assert.deepEqual(await collect(load, () => true, 2, 'p3'), { items: [7, 8, 9], next: null, looked: 3 }, 'from a cursor on');
});
