// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { appendFindings, compareFindings, countsText, groupFindings, matchesFinding, merge, percent, rateOf } from '../src/compliance/findings';
import type { ComplianceSummary, Finding } from '../src/core/types';
import { readTrust } from '../src/core/ui';
import recorded from './compliance.json';

const FINDINGS = recorded.items as unknown as Finding[];
const failed = { show: 'failed', resource: '', severity: '', search: '' } as const;
const ids = (list: Finding[]) => list.map((f) => f.id);

test('failed ones only, or all; by resource and severity', () => {
  const count = (f: Partial<{ show: 'failed' | 'ignored' | 'all'; resource: string; severity: string; search: string }>) => FINDINGS.filter((x) => matchesFinding(x, { ...failed, ...f })).length;
  assert.equal(count({}), 4, 'what no rule wants to know has not failed');
  assert.equal(count({ show: 'ignored' }), 1);
  assert.equal(count({ show: 'all' }), 6);
  assert.equal(count({ resource: 'container' }), 2);
  assert.equal(count({ severity: 'critical' }), 2);
  assert.equal(count({ severity: 'critical', resource: 'daemon' }), 1);
});

test('a search looks at every word, in all that a person reads', () => {
  const found = (search: string) => ids(FINDINGS.filter((f) => matchesFinding(f, { ...failed, search })));
  assert.deepEqual(found('POSTGRES privileged'), ['privileged@1f3a']);
  assert.deepEqual(found('cis 5.29'), ['pids_limit@1f3a']);
  assert.deepEqual(found('chmod'), ['socket_mode@/run/docker.sock']);
  assert.deepEqual(found('2375'), ['tcp_without_tls@tcp://0.0.0.0:2375']);
  assert.deepEqual(found('nothing like it'), []);
});

test('failed before passed, worst first, numbers as numbers', () => {
  const sorted = [...FINDINGS].sort(compareFindings);
  assert.deepEqual(sorted.map((f) => [f.passed, f.severity, f.cis]), [
    [false, 'critical', '2.7'], [false, 'critical', '5.5'], [false, 'high', '3.15'], [false, 'low', '5.29'], [false, 'low', '5.11'], [true, 'critical', '5.5'],
  ]);
  const nine = { ...FINDINGS[0], cis: '5.9' };
  assert.ok(compareFindings(nine, { ...nine, cis: '5.10' }) < 0);
  assert.ok(compareFindings({ ...nine, cis: null }, nine) > 0, 'what is not of the benchmark comes after');
  assert.ok(compareFindings({ ...nine, severity: null }, { ...nine, severity: 'low' }) > 0);
});

test('groups: one for each container and kind of thing, the worst on top', () => {
  const groups = groupFindings(FINDINGS);
  assert.deepEqual(groups.map((g) => [g.title, g.container, countsText(g.failed)]), [
    ['Docker daemon', null, '1 critical'], ['db', '1f3a', '1 critical, 1 low'], ['Files of Docker', null, '1 high'], ['web', '77aa', ''],
  ]);
  assert.equal(groups[1].detail, 'docker.io/library/postgres:16');
  assert.deepEqual(groups[1].items.map((f) => f.check), ['privileged', 'pids_limit', 'memory_limit'], 'ignored ones after the failed');
});

test('containers of one name are told apart, and hosts', () => {
  const twin = { ...FINDINGS[0], id: 'x', container: { ...FINDINGS[0].container, id: '9999' }, target: '9999' };
  const other = { ...FINDINGS[5], id: 'y', host: 'vm2' };
  assert.equal(groupFindings([FINDINGS[0], twin]).length, 2);
  assert.equal(groupFindings([FINDINGS[5], other]).length, 2);
});

test('the stream mends and breaks what was fetched; what is older does not count', () => {
  const mended = { ...FINDINGS[0], passed: true, time: '2026-11-25T05:00:00Z' };
  const stale = { ...FINDINGS[5], passed: true, time: '2026-11-25T01:00:00Z' };
  const fresh = { ...FINDINGS[1], id: 'new' };
  const merged = merge(FINDINGS, [mended, stale, fresh]);
  assert.equal(merged.find((f) => f.id === mended.id)?.passed, true);
  assert.equal(merged.find((f) => f.id === stale.id)?.passed, false);
  assert.equal(merged.length, FINDINGS.length + 1);
});

test('what is gone goes, and comes back when it is found again', () => {
  const word = (id: string, values: Partial<Finding> = {}) => ({ ...FINDINGS[0], id, check: null, time: '2026-11-25T05:00:00Z', ...values });
  assert.equal(merge(FINDINGS, [word('privileged@1f3a')]).length, FINDINGS.length - 1);
  assert.equal(merge(FINDINGS, [word('privileged@1f3a', { host: 'other' })]).length, FINDINGS.length, "another host's finding");
  assert.deepEqual(ids(merge(FINDINGS, [word('*', { resource: 'container' })])), ['socket_mode@/run/docker.sock', 'tcp_without_tls@tcp://0.0.0.0:2375']);
  assert.equal(merge(FINDINGS, [word('*', { resource: 'container', time: FINDINGS[0].time })]).length, FINDINGS.length, 'not what was found since');
  const again = { ...FINDINGS[0], time: '2026-11-25T06:00:00Z' };
  const words = appendFindings(appendFindings([], [again]), [word('privileged@1f3a'), word('*', { resource: 'host' }), again]);
  assert.equal(words.length, 2, 'the last word about each');
  assert.equal(merge(FINDINGS, words).find((f) => f.id === again.id)?.time, again.time);
});

test('the rate is of what was checked, and never rounded to what it is not', () => {
  const s = (passed: number, bad: number): ComplianceSummary => ({ rate: null, passed, failed: bad, ignored: 7, by_severity: {}, by_resource: {} });
  assert.equal(rateOf(s(0, 0)), null);
  assert.equal(rateOf(s(3, 1)), 0.75);
  assert.equal(percent(0.75), '75');
  assert.equal(percent(0.999), '99');
  assert.equal(percent(1), '100');
  assert.equal(percent(0.001), '1');
  assert.equal(percent(0), '0');
});

test('what is said of an image', () => {
  assert.deepEqual(readTrust('trusted by ours'), { state: 'trusted', reason: 'by ours' });
  assert.deepEqual(readTrust('untrusted: in no allowed group (ours)'), { state: 'untrusted', reason: 'in no allowed group (ours)' });
  assert.deepEqual(readTrust('untrusted'), { state: 'untrusted', reason: '' });
  assert.deepEqual(readTrust(null), { state: 'unjudged', reason: '' });
});
