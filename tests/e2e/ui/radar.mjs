// SPDX-License-Identifier: Apache-2.0
// The Radar is live: a container appears without a reload, its connection is drawn, a miner's node
// turns, says why and goes; the panel shows what is known of it.
import assert from 'node:assert/strict';
import { api, containerName, env, node, POLICY, run, screenshot, start, until } from './_pages.mjs';

await run('radar', async (page) => {
  await api(page, 'PUT', '/policy', POLICY('block'));
  await until('the stream is live', async () => (await page.getByTestId('connection').getAttribute('data-state')) === 'live');

  const quiet = containerName('quiet');
  const id = await start(quiet, 'sleep 120');
  const began = Date.now();
  await node(page, quiet).waitFor({ timeout: 5000 });
  console.log(`on the Radar ${Date.now() - began} ms after docker run returned`);
  assert.ok(Date.now() - began < 1000, 'it takes at most a second');
  assert.equal(await node(page, quiet).getAttribute('data-id'), `container:${id}`);
  assert.equal(await node(page, quiet).getAttribute('data-state'), 'running');

  await node(page, quiet).click();
  await page.getByTestId('radar-panel').getByText('stop miners').waitFor();
  await page.getByTestId('panel-tab-processes').click();
  await page.getByTestId('radar-panel').getByText('sleep 120').first().waitFor();
  await page.keyboard.press('Escape');

  const talker = containerName('talker');
  await start(talker, 'sleep 1; exec /opt/talker', '-e', `TALK_TO=${env.outside}`, '-e', 'TALK_TEXT=hello', '-e', 'TALK_SECONDS=60');
  const talkerNode = node(page, talker);
  await talkerNode.waitFor();
  const from = await talkerNode.getAttribute('data-id');
  const edge = page.locator(`[data-testid="radar-edge"][data-from="${from}"][data-port="4443"]`);
  await edge.waitFor({ state: 'attached' });
  assert.equal(await edge.getAttribute('data-proto'), 'tcp');
  assert.equal(await edge.getAttribute('data-process'), '/opt/talker');
  assert.match(await edge.getAttribute('data-to'), /^internet:/);
  assert.equal(await page.locator('[data-testid="radar-node"][data-kind="internet"]').count() > 0, true);

  const miner = containerName('miner');
  await start(miner, 'sleep 2; cp /opt/talker /tmp/nginx; /tmp/nginx -o stratum+tcp://198.51.100.1:5555 --donate-level 1; sleep 60');
  await node(page, miner).waitFor();
  await until('the miner is blocked', async () => (await node(page, miner).getAttribute('data-state')) === 'blocked');
  await node(page, miner).getByText(/Blocked by rule 'stop miners'/).waitFor();
  await screenshot(page, 'radar-blocked');
  await node(page, miner).click();
  await page.getByTestId('panel-tab-audits').click();
  await page.getByTestId('radar-panel').getByTestId('audit').first().waitFor();
  await screenshot(page, 'radar-panel');
  assert.equal(await node(page, quiet).getAttribute('data-state'), 'running', 'its neighbour goes on');
}, { containers: true });
