// SPDX-License-Identifier: Apache-2.0
// The pages of the gates where no engine asks Seawall yet: compliance of what is there, how access is
// switched on, and the policy's other areas beside the one click that blocks miners.
import assert from 'node:assert/strict';
import { api, containerName, env, live, node, POLICY, run, screenshot, start, until } from './_pages.mjs';

const GATES = `${POLICY('alert')}trust:
  groups:
    - {name: ours, images: ["seawall-test/*"]}
  rules:
    - {name: only ours, scope: [everything], allowed: [ours], effect: alert}
compliance:
  - name: basics
    scope: [everything]
    checks: {host_pid: alert, pids_limit: alert}
access:
  - name: no privileged
    actions: [container_create]
    when: {privileged: true}
    effect: deny
    message: ask the platform team
`;

await run('gates-pages', async (page) => {
  await api(page, 'PUT', '/policy', GATES);
  await page.goto(`${env.url}/policy?area=trust`);
  const rule = (area, name) => page.locator(`[data-testid="gate-rule"][data-area="${area}"][data-name="${name}"]`);
  await rule('trust', 'only ours').locator('[data-effect="alert"]').waitFor();
  await page.locator('[data-testid="trust-group"][data-name="ours"]').getByText('seawall-test/*').waitFor();
  const area = (name) => page.locator(`[data-testid="filter-area"] [data-value="${name}"]`);
  await area('compliance').click();
  await rule('compliance', 'basics').getByText('pids_limit').waitFor();
  await area('access').click();
  await rule('access', 'no privileged').locator('[data-effect="deny"]').waitFor();
  await rule('access', 'no privileged').getByText('ask the platform team').waitFor();
  await screenshot(page, 'policy-access');
  await area('runtime').click();
  await page.locator('[data-testid="policy-effect"][data-key="processes.crypto_miners"] [data-effect="block"]').click();
  await page.getByTestId('policy-apply').click();
  await page.locator('[data-testid="policy-outcome"][data-kind="good"]').waitFor();
  const after = (await api(page, 'GET', '/policy')).text;
  assert.equal(after, GATES.replace('crypto_miners: alert', 'crypto_miners: block'), 'one word, and the gates stay');

  await page.goto(`${env.url}/access`);
  await page.getByTestId('access-empty').getByText('seawall install authz').waitFor();
  await screenshot(page, 'access-empty');

  const name = containerName('loose');
  if (env.image) await start(name, 'sleep 120', '--pid', 'host');
  await page.goto(`${env.url}/compliance`);
  await live(page);
  const rate = page.getByTestId('compliance-rate');
  await rate.waitFor();
  assert.ok(Number(await rate.getAttribute('data-rate')) <= 100);
  const row = page.locator(`[data-testid="compliance-row"][data-container="${name}"][data-check="host_pid"]`);
  await row.waitFor({ timeout: 60000 });
  assert.equal(await row.getAttribute('data-cis'), '5.16');
  assert.equal(await row.getAttribute('data-passed'), 'false');
  await screenshot(page, 'compliance');
  await page.getByTestId('filter-resource').selectOption('container');
  await until('only containers', async () => (await page.locator('[data-testid="compliance-row"]:not([data-resource="container"])').count()) === 0);
  await page.getByTestId('filter-search').fill('no such check');
  await page.getByTestId('filter-search').press('Enter');
  await page.getByText('No check matches').waitFor();
  await page.getByText('Remove the filters').click();
  await page.locator('[data-testid="filter-show"] [data-value="all"]').click();
  await page.locator('[data-testid="compliance-row"][data-passed="true"]').first().waitFor();

  await page.goto(env.url);
  await node(page, name).click();
  await page.getByTestId('trust-badge').waitFor();
  await page.getByTestId('panel-tab-compliance').click();
  await page.getByTestId('panel-compliance').locator('[data-check="host_pid"]').waitFor();
  await screenshot(page, 'panel-compliance');
}, { containers: true });
