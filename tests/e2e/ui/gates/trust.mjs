// SPDX-License-Identifier: Apache-2.0
// An image that no rule trusts does not start: the Radar shows the refusal as what it is; a trusted one
// has its badge with the reason.
import assert from 'node:assert/strict';
import { api, attempt, containerName, docker, env, live, node, POLICY, removeLater, run, screenshot, start } from '../_pages.mjs';

const STRANGE = 'gakeaws/nginx:v8.9';
const TRUST = `${POLICY('alert')}trust:
  groups:
    - {name: ours, images: ["docker.io/seawall-test/*"]}
  rules:
    - {name: only ours, scope: [everything], allowed: [ours], effect: block}
`;

await run('trust', async (page) => {
  await api(page, 'PUT', '/policy', TRUST);
  await docker('tag', env.image, STRANGE);
  await live(page);

  const name = containerName('ours');
  await start(name, 'sleep 120');
  await node(page, name).waitFor();
  await node(page, name).click();
  const badge = page.locator('[data-testid="trust-badge"][data-trust="trusted"]');
  await badge.waitFor();
  assert.match(await badge.innerText(), /ours/, 'which group it is in');
  await screenshot(page, 'panel-trust');
  await page.keyboard.press('Escape');

  const worm = removeLater(containerName('worm'));
  const said = await attempt('run', '-d', '--name', worm, STRANGE, 'sleep', '60');
  assert.match(said, /\[Seawall\] image blocked by rule 'only ours'/);
  const refused = node(page, worm);
  await refused.waitFor();
  assert.equal(await refused.getAttribute('data-state'), 'refused');
  await refused.getByText(/Blocked by rule 'only ours'/).waitFor();
  await refused.click();
  await page.getByTestId('panel-refusal').getByText(/only ours/).waitFor();
  await page.getByTestId('radar-panel').getByTestId('audit').first().waitFor();
  await screenshot(page, 'panel-refused');
  await page.goto(`${env.url}/audits?kind=trust`);
  await page.getByTestId('audit').filter({ hasText: 'only ours' }).first().waitFor();
  await docker('rmi', STRANGE);
}, { containers: true });
