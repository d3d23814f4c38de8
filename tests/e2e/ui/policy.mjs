// SPDX-License-Identifier: Apache-2.0
// The policy page: crypto miners to block with one click, applied; the YAML follows; errors have their
// place and change nothing; history, difference, roll-back.
import assert from 'node:assert/strict';
import { api, env, POLICY, run, screenshot, until } from './_pages.mjs';

await run('policy', async (page) => {
  await api(page, 'PUT', '/policy', POLICY('alert'));
  const before = await api(page, 'GET', '/policy');
  await page.goto(`${env.url}/policy`);
  const rule = page.locator('[data-testid="policy-rule"][data-name="stop miners"]');
  const effect = rule.locator('[data-testid="policy-effect"][data-key="processes.crypto_miners"]');
  await rule.waitFor();
  assert.equal(await effect.getAttribute('data-value'), 'alert');

  await effect.locator('[data-effect="block"]').click();
  assert.equal(await page.getByTestId('policy-yaml').inputValue(), POLICY('block'), 'the YAML is the same revision');
  await page.getByTestId('policy-apply').click();
  await page.locator('[data-testid="policy-outcome"][data-kind="good"]').waitFor();
  const after = await api(page, 'GET', '/policy');
  assert.equal(after.text, POLICY('block'));
  assert.ok(after.revision > before.revision);
  await screenshot(page, 'policy');

  // A mistake: marked with its place, refused, and the old policy stays.
  await page.getByTestId('policy-yaml').fill(POLICY('blok'));
  const message = page.locator('[data-testid="policy-message"][data-level="error"]').first();
  await message.waitFor();
  assert.equal(await message.getAttribute('data-line'), '8');
  await page.getByTestId('policy-apply').click();
  await page.locator('[data-testid="policy-outcome"][data-kind="bad"]').waitFor();
  assert.equal((await api(page, 'GET', '/policy')).revision, after.revision, 'nothing was changed');
  await screenshot(page, 'policy-error');

  // Somebody else is faster: nothing of theirs is overwritten silently.
  await page.getByTestId('policy-yaml').fill(POLICY('prevent'));
  await api(page, 'PUT', '/policy', `# theirs\n${POLICY('block')}`);
  await page.getByTestId('policy-apply').click();
  await page.locator('[data-testid="policy-outcome"][data-kind="conflict"]').waitFor();
  await page.getByText('Take theirs').click();
  await until('their text', async () => (await page.getByTestId('policy-yaml').inputValue()).startsWith('# theirs'));

  await page.getByTestId('policy-history').click();
  await page.locator(`[data-testid="policy-revision"][data-revision="${before.revision}"]`).click();
  await page.getByTestId('policy-diff').getByText('crypto_miners: alert').waitFor();
  await screenshot(page, 'policy-history');
  await page.getByTestId('policy-rollback').click();
  await page.locator('[data-testid="policy-outcome"][data-kind="good"]').waitFor();
  assert.equal((await api(page, 'GET', '/policy')).text, POLICY('alert'));
});
