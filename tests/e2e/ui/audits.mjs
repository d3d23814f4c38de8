// SPDX-License-Identifier: Apache-2.0
// A miner's audit is on the page without a reload, with process, arguments, parents and rule; it is told
// in an incident, and the microscope shows what came before.
import assert from 'node:assert/strict';
import { api, containerName, env, POLICY, run, screenshot, start, until } from './_pages.mjs';

const HOSTILE = '<img src=x onerror=alert(1)>';

await run('audits', async (page) => {
  await api(page, 'PUT', '/policy', POLICY('block'));
  await page.goto(`${env.url}/audits`);
  await page.getByTestId('audits').waitFor();
  await until('the stream is live', async () => (await page.getByTestId('connection').getAttribute('data-state')) === 'live');

  const name = containerName('found');
  const id = await start(name, `true; sleep 2; cp /opt/talker /tmp/nginx; /tmp/nginx --donate-level 1 '${HOSTILE}'; sleep 60`);
  const audit = page.locator(`[data-testid="audit"][data-container="${name}"][data-detection="crypto_miner"]`).first();
  await audit.waitFor({ timeout: 15000 });
  assert.equal(await audit.getAttribute('data-effect'), 'block');
  await until('it is done', async () => (await audit.getAttribute('data-done')) === 'block');
  await audit.getByRole('button').first().click();
  await audit.getByText('--donate-level 1', { exact: false }).first().waitFor();
  for (const text of ['nginx', 'stop miners', 'T1496', 'argv']) assert.ok(await audit.getByText(text).count() > 0, `the audit shows ${text}`);
  assert.ok((await audit.innerText()).includes(HOSTILE), 'what a container says is text');
  assert.equal(await page.locator('img').count(), 0, 'and never markup');
  await screenshot(page, 'audit');

  await page.goto(`${env.url}/incidents`);
  const incident = page.getByTestId('incident').filter({ hasText: name }).first();
  await incident.waitFor();
  await screenshot(page, 'incidents');
  await incident.getByTestId('incident-ack').click();
  await until('it is acknowledged', async () => (await incident.getAttribute('data-state')) === 'acknowledged');

  await page.goto(`${env.url}/forensics/${id}`);
  const timeline = page.getByTestId('forensics-timeline');
  await timeline.waitFor();
  await until('the audit is in the recording', async () => await timeline.locator('[data-type="audit"]').count() > 0);
  const types = await timeline.getByTestId('forensics-event').evaluateAll((all) => all.map((e) => e.dataset.type));
  const alarm = types.indexOf('audit');
  assert.ok(types.slice(0, alarm).includes('exec'), `it tells what came before the alarm: ${types}`);
  assert.ok(types.slice(alarm).includes('exit'), 'and how it ended');
  assert.ok(await page.getByTestId('forensics-process').filter({ hasText: 'nginx' }).count() > 0, 'the tree has the miner');
  assert.ok(await page.getByTestId('forensics-second').count() >= 2, 'second by second');
  await screenshot(page, 'forensics');
  await page.getByTestId('forensics-filter-process').click();
  assert.equal(await timeline.locator('[data-type="exec"]').count(), 0, 'filters hide');
  assert.ok(await timeline.locator('[data-type="audit"]').count() > 0);
}, { containers: true });
