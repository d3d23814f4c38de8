// SPDX-License-Identifier: Apache-2.0
// A lost connection is shown, and mends itself; the Radar works without WebGL, by keyboard, and in both
// themes.
import assert from 'node:assert/strict';
import { containerName, env, run, screenshot, start, until } from './_pages.mjs';

await run('lost', async (page) => {
  if (env.image) await start(containerName('there'), 'sleep 300');
  const state = () => page.getByTestId('connection').getAttribute('data-state');
  await until('the stream is live', async () => (await state()) === 'live');

  await page.route('**/api/v1/stream*', (route) => route.abort());
  await page.reload();
  await until('it says that it is disconnected', async () => (await state()) === 'lost', 30000);
  await page.getByTestId('connection').getByText('Disconnected').waitFor();
  await screenshot(page, 'disconnected');
  await page.unroute('**/api/v1/stream*');
  await until('it is live again', async () => (await state()) === 'live', 30000);
  await page.getByTestId('radar-node').first().waitFor();

  await page.goto(`${env.url}/?renderer=canvas`);
  const radar = page.getByTestId('radar');
  await until('the plain canvas draws', async () => (await radar.getAttribute('data-renderer')) === 'canvas');
  await page.getByTestId('radar-node').first().waitFor();
  await page.goto(env.url);
  await page.getByTestId('radar-node').first().focus();
  await page.keyboard.press('Enter');
  await page.getByTestId('radar-panel').waitFor();
  await page.keyboard.press('Escape');
  await until('Escape closes the panel', async () => (await page.getByTestId('radar-panel').count()) === 0);

  await page.getByTestId('theme').click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await page.reload();
  await radar.waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light', 'the choice is kept');
  await screenshot(page, 'radar-light');
});
