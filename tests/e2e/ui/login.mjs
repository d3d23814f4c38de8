// SPDX-License-Identifier: Apache-2.0
// Signing in and out: nothing is shown before, wrong passwords are refused, and a wanted page is kept.
import assert from 'node:assert/strict';
import { env, run, screenshot } from './_pages.mjs';

await run('login', async (page) => {
  await page.goto(`${env.url}/audits`);
  await page.getByTestId('login-user').waitFor();
  await screenshot(page, 'login');
  await page.getByTestId('login-user').fill(env.user);
  await page.getByTestId('login-password').fill('not the password');
  await page.getByTestId('login-submit').click();
  await page.getByTestId('login-error').waitFor();
  assert.equal(await page.getByTestId('audits').count(), 0);

  await page.getByTestId('login-password').fill(env.password);
  await page.getByTestId('login-submit').click();
  await page.getByTestId('audits').waitFor();
  const cookie = (await page.context().cookies()).find((c) => c.name === 'seawall_session');
  assert.ok(cookie?.httpOnly, 'the session cookie is not for scripts');
  assert.equal(cookie.sameSite, 'Strict');

  await page.getByTestId('logout').click();
  await page.getByTestId('login-user').waitFor();
  const answer = await page.request.get(`${env.url}/api/v1/radar`);
  assert.equal(answer.status(), 401, 'the session is over');
}, { signIn: false });
