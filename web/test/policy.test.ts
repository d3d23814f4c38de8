// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { addRule, EFFECT_KEYS, effectOf, freeName, moveRule, readPolicy, removeRule, setDenied, setValue } from '../src/policy/document';
import { pieces } from '../src/policy/editor';

const TEXT = `# ours
version: 1
collections:
  - {name: everything}
  - {name: shop, images: ["shop/*"]}
runtime:
  - name: strict   # first
    scope: [shop]
    processes:
      denied: {effect: prevent, paths: [/usr/bin/nc]}
  - name: stop miners
    scope: [everything]
    processes:
      crypto_miners: alert   # look first
`;
const rule = (text: string, i: number) => readPolicy(text).rules[i];

test('reads rules and collections', () => {
  const { rules, collections, error } = readPolicy(TEXT);
  assert.equal(error, null);
  assert.deepEqual(rules.map((r) => r.name), ['strict', 'stop miners']);
  assert.deepEqual(collections, ['everything', 'shop']);
  assert.deepEqual(rules[0].processes?.paths, ['/usr/bin/nc']);
  assert.equal(rules[1].effects['processes.crypto_miners'], 'alert');
});

test('one click changes one word', () => {
  assert.equal(setValue(TEXT, rule(TEXT, 1), 'processes.crypto_miners', 'block'), TEXT.replace('crypto_miners: alert', 'crypto_miners: block'));
});

test('a missing effect is added and comments stay', () => {
  const text = setValue(TEXT, rule(TEXT, 0), 'processes.crypto_miners', 'block');
  assert.equal(rule(text, 0).effects['processes.crypto_miners'], 'block');
  assert.ok(text.includes('# ours') && text.includes('# first') && text.includes('# look first'));
  assert.deepEqual(rule(text, 0).processes?.paths, ['/usr/bin/nc']);
});

test('lists come and go; a map left empty goes too', () => {
  let text = setDenied(TEXT, rule(TEXT, 1), 'network', { effect: 'prevent', paths: [], addresses: ['203.0.113.0/24'], ports: ['2375', '3333-3340'] });
  assert.deepEqual(rule(text, 1).network?.ports, ['2375', '3333-3340']);
  assert.match(text, /ports: \[2375, 3333-3340\]/);
  text = setDenied(text, rule(text, 1), 'network', { effect: 'prevent', paths: [], addresses: [], ports: [] });
  assert.equal(text.includes('network'), false);
});

test('rules are added on top, moved and removed', () => {
  let text = addRule(TEXT, 'fresh', true);
  assert.deepEqual(readPolicy(text).rules.map((r) => r.name), ['fresh', 'strict', 'stop miners']);
  text = moveRule(text, rule(text, 0), 1);
  assert.deepEqual(readPolicy(text).rules.map((r) => r.name), ['strict', 'fresh', 'stop miners']);
  assert.equal(moveRule(text, rule(text, 0), -1), text);
  text = removeRule(text, rule(text, 1));
  assert.deepEqual(readPolicy(text).rules.map((r) => r.name), ['strict', 'stop miners']);
});

test('a first rule for an empty policy', () => {
  for (const empty of ['', 'version: 1\nruntime: []\n', 'version: 1\n']) {
    const { rules, error } = readPolicy(addRule(empty, 'stop miners', true));
    assert.equal(error, null);
    assert.equal(rules[0].effects['processes.crypto_miners'], 'block');
  }
});

test('several documents stay several', () => {
  const text = `${TEXT}---\nversion: 1\nruntime:\n  - {name: second, processes: {crypto_miners: alert}}\n`;
  const changed = setValue(text, rule(text, 2), 'processes.crypto_miners', 'prevent');
  assert.equal(changed, text.replace('{crypto_miners: alert}', '{crypto_miners: prevent}'));
  const longer = setValue(text, rule(text, 2), 'disabled', true);
  assert.deepEqual(readPolicy(longer).rules.map((r) => r.disabled), [false, false, true]);
  assert.equal(longer.match(/^---$/gm)?.length, 1);
});

test('broken YAML says where', () => {
  const { error } = readPolicy('version: 1\nruntime:\n  - {name: x\n');
  assert.ok(error && error.line >= 3);
});

const GATES = `${TEXT}trust:
  groups:
    - {name: ours, images: ["registry.local:5000/*"]}
    - name: signed
      notes: by the release key
      signatures: [{key: cosign.pub}, {key: old.pub}]
  rules:
    - {name: only ours, scope: [shop], allowed: [ours, signed], denied: [], effect: block}
compliance:
  - name: basics
    disabled: true
    checks: {privileged: block, host_pid: alert}
access:
  - {name: ops, users: [alice], actions: ["*"], effect: allow}
  - name: no remote start
    actions: [container_create]
    when: {privileged: true, bind: ["/", /etc/*]}
    effect: deny
    message: ask the platform team
`;

test('reads the rules of the gates, each with its line', () => {
  const { gates, rules } = readPolicy(GATES);
  const lines = GATES.split('\n');
  assert.deepEqual(rules.map((r) => r.name), ['strict', 'stop miners'], 'the runtime rules are what they were');
  assert.deepEqual(gates.groups.map((g) => [g.name, g.notes, g.facts]), [
    ['ours', '', [{ name: 'images', values: ['registry.local:5000/*'] }]],
    ['signed', 'by the release key', [{ name: 'signed with', values: ['cosign.pub', 'old.pub'] }]],
  ]);
  const [trust] = gates.rules.trust;
  assert.deepEqual([trust.effect, trust.scope, trust.facts], ['block', ['shop'], [{ name: 'allowed', values: ['ours', 'signed'] }]]);
  const [basics] = gates.rules.compliance;
  assert.deepEqual([basics.disabled, basics.effect, basics.checks], [true, '', [{ id: 'privileged', effect: 'block' }, { id: 'host_pid', effect: 'alert' }]]);
  assert.deepEqual(gates.rules.access.map((r) => [r.name, r.effect, r.message]), [['ops', 'allow', ''], ['no remote start', 'deny', 'ask the platform team']]);
  assert.deepEqual(gates.rules.access[1].facts[1], { name: 'when', values: ['privileged: true', 'bind: /, /etc/*'] });
  for (const r of [...gates.groups, ...gates.rules.trust, ...gates.rules.compliance, ...gates.rules.access]) assert.ok(lines[r.line - 1].includes(r.name), `${r.name} is on line ${r.line}`);
});

test('rules of the gates stay when the form changes a runtime rule', () => {
  assert.equal(setValue(GATES, rule(GATES, 1), 'processes.crypto_miners', 'block'), GATES.replace('crypto_miners: alert', 'crypto_miners: block'));
  const added = readPolicy(addRule(GATES, 'fresh', true));
  assert.equal(added.rules[0].name, 'fresh');
  assert.equal(added.gates.rules.access.length, 2);
});

test('a policy of nonsense where rules should be has none', () => {
  for (const text of ['trust: 7\n', 'trust: {rules: {a: 1}}\naccess: x\n', 'access: [1, null, {}]\n', 'compliance:\n  - {name: {a: 1}, checks: [privileged], scope: 3}\n']) {
    const { gates, error } = readPolicy(text);
    assert.equal(error, null);
    assert.ok(gates.rules.access.length + gates.rules.compliance.length <= 1);
  }
});

test('a free name', () => {
  assert.equal(freeName(readPolicy(TEXT).rules, 'stop miners'), 'stop miners 2');
});

test('colours never change the text', () => {
  for (const line of [...TEXT.split('\n'), '  a: "x # not a comment" # one', "- 'it''s': 12, url: http://a#b", '<script>alert(1)</script>'])
    assert.equal(pieces(line).map(([, s]) => s).join(''), line);
});

test('what a rule does not name is what it does about threats', () => {
  const of = (text: string, key: string) => effectOf(rule(text, 1), EFFECT_KEYS.find((k) => k.key === key)!);
  const text = setValue(TEXT, rule(TEXT, 1), 'threats', 'prevent');
  assert.equal(of(TEXT, 'processes.escape'), 'disable');
  assert.equal(of(text, 'processes.escape'), 'prevent');
  assert.equal(of(text, 'processes.crypto_miners'), 'alert');
  assert.equal(of(text, 'network.port_scan'), 'alert'); // it cannot be prevented
  assert.equal(of(text, 'processes.model'), 'disable'); // the model is no threat
});
