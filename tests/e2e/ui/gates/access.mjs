// SPDX-License-Identifier: Apache-2.0
// Commands to a real dockerd are on /access as they are given: who, what, with what, and the verdict of
// the rules; a denied one says which rule and why, and a container that was never made is on the Radar.
import assert from 'node:assert/strict';
import { api, attempt, containerName, docker, env, live, node, POLICY, removeLater, run, screenshot, start, until } from '../_pages.mjs';

const ACCESS = `${POLICY('alert')}access:
  - name: no privileged
    actions: [container_create]
    when: {privileged: true}
    effect: deny
    message: ask the platform team
  - {name: exec is told, actions: ["container_exec_*"], effect: alert, message: somebody is inside}
  - {name: the rest, effect: allow, audit: all}
`;

await run('access', async (page) => {
  await api(page, 'PUT', '/policy', ACCESS);
  await page.goto(`${env.url}/access`);
  await live(page);
  const rows = (values) => page.locator(['[data-testid="access-row"]', ...Object.entries(values).map(([k, v]) => `[data-${k}="${v}"]`)].join(''));

  const name = containerName('plain');
  const id = await start(name, 'sleep 120', '--memory', '64m');
  await rows({ action: 'container_start', verdict: 'allow' }).first().waitFor({ timeout: 15000 });
  assert.equal(await rows({ action: 'container_start' }).first().getAttribute('data-user'), 'local socket');

  await docker('exec', name, 'true');
  const told = rows({ action: 'container_exec_create', verdict: 'alert' }).first();
  await told.waitFor();
  await told.getByTestId('access-reason').getByText('exec is told').waitFor();

  const worm = removeLater(containerName('worm'));
  const said = await attempt('run', '-d', '--name', worm, '--privileged', env.image, 'sleep', '60');
  assert.match(said, /\[Seawall\] command blocked by rule 'no privileged': ask the platform team/);
  const denied = rows({ action: 'container_create', verdict: 'deny' }).first();
  await denied.waitFor();
  await denied.locator('[data-testid="access-verdict"][data-verdict="deny"]').waitFor();
  await denied.getByTestId('access-reason').getByText('no privileged').waitFor();
  assert.match(await denied.innerText(), /privileged/, 'what was asked for');
  await denied.getByRole('button').first().click();
  await denied.getByText('/containers/create').waitFor();
  await screenshot(page, 'access');

  for (let n = 0; n < 3; n++) await docker('inspect', name);
  await until('repeats are one row with a count', async () => (await page.getByTestId('access-count').count()) > 0, 15000);

  await page.locator('[data-testid="filter-verdict"] [data-value="deny"]').click();
  await until('only what was denied', async () => (await rows({ verdict: 'allow' }).count()) === 0 && (await rows({ verdict: 'deny' }).count()) > 0);
  await page.getByTestId('filter-user').fill('nobody-of-that-name');
  await page.getByTestId('filter-user').press('Enter');
  await page.getByText(/No command matches/).waitFor();
  await page.getByText('Remove the filters').click();
  await rows({ verdict: 'allow' }).first().waitFor();
  await page.getByTestId('filter-text').fill(name);
  await page.getByTestId('filter-text').press('Enter');
  await until('one target', async () => (await rows({ action: 'container_start' }).count()) > 0 && (await rows({ verdict: 'deny' }).count()) === 0);
  await page.reload();
  await rows({ action: 'container_start' }).first().waitFor();
  assert.equal(await page.getByTestId('filter-text').inputValue(), name, 'a filter is part of the address');

  // The Radar: what never ran is shown as refused, says why, and goes.
  await page.goto(env.url);
  await live(page);
  await attempt('run', '-d', '--name', `${worm}-again`, '--privileged', env.image, 'sleep', '60');
  const refused = node(page, `${worm}-again`);
  await refused.waitFor();
  assert.equal(await refused.getAttribute('data-state'), 'refused');
  await refused.getByText(/no privileged/).waitFor();
  await screenshot(page, 'radar-refused');
  await node(page, name).click();
  await page.getByTestId('panel-tab-commands').click();
  const commands = page.getByTestId('panel-commands');
  await commands.locator('[data-action="container_exec_create"]').first().waitFor();
  await screenshot(page, 'panel-commands');
  await page.keyboard.press('Escape');
  await refused.waitFor({ state: 'detached', timeout: 40000 });
  assert.equal(await page.locator(`[data-id="container:${id}"]`).getAttribute('data-state'), 'running', 'its neighbour goes on');
}, { containers: true });
