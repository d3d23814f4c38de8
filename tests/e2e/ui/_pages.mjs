// SPDX-License-Identifier: Apache-2.0
// What the page tests share: a browser, a signed-in page, containers on the test's engine, and waiting
// with a deadline. A test calls run(name, body): its output is TAP-free talk, its exit code the result.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';

const { chromium } = createRequire(new URL('../../../web/package.json', import.meta.url))('playwright-core');
const command = promisify(execFile);

export const env = {
  url: process.env.SEAWALL_URL ?? 'https://127.0.0.1:8083',
  user: process.env.SEAWALL_USER ?? 'admin',
  password: process.env.SEAWALL_PASSWORD ?? '',
  docker: process.env.DOCKER ?? '/usr/bin/docker',
  image: process.env.SEAWALL_TEST_IMAGE,
  outside: process.env.SEAWALL_TEST_OUTSIDE ?? '203.0.113.7,4443', // where a server listens
  output: process.env.SEAWALL_TEST_OUTPUT,
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
};

// WebGL in software, so that what is tested is what most people see.
const FLAGS = ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-dev-shm-usage'];

export function skip(reason) {
  console.log(reason);
  process.exit(77);
}

export const POLICY = (effect) => `version: 1
collections:
  - {name: everything}
runtime:
  - name: stop miners
    scope: [everything]
    processes:
      crypto_miners: ${effect}
`;

// An HTTPS server with a certificate of its own: the browser is told to take it.
export async function openPage(options = {}) {
  const browser = await chromium.launch({ executablePath: env.chromium, args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', ignoreHTTPSErrors: true, ...options });
  const page = await context.newPage();
  const faults = [];

  page.setDefaultTimeout(20000);
  page.on('pageerror', (e) => faults.push(`page error: ${e.stack}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text())) faults.push(`policy violation: ${m.text()}`);
  });
  return { browser, context, page, faults };
}

export async function signIn(page, password = env.password) {
  await page.goto(`${env.url}/login`);
  await page.getByTestId('login-user').fill(env.user);
  await page.getByTestId('login-password').fill(password);
  await page.getByTestId('login-submit').click();
  await page.getByTestId('radar').waitFor();
}

// The API with the browser's session, as the pages use it.
export async function api(page, method, path, text) {
  const answer = await page.request.fetch(`${env.url}/api/v1${path}`, {
    method, data: text, headers: { 'X-Requested-With': 'seawall', 'Content-Type': 'application/yaml' },
  });

  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return answer.status() === 204 ? null : answer.json();
}

export const node = (page, label, kind = 'container') =>
  page.locator(`[data-testid="radar-node"][data-kind="${kind}"][data-label="${label}"]`);

const started = [];

export async function docker(...args) {
  return (await command(env.docker, args, { timeout: 60000 })).stdout.trim();
}

// Runs a docker command that may be refused; what the client said, '' = it was done.
export async function attempt(...args) {
  return command(env.docker, args, { timeout: 60000 }).then(() => '', (e) => e.stderr || String(e));
}

export function containerName(prefix) {
  return `${prefix}-${process.pid}-${started.length}`;
}

// Runs a shell script in a new container; its id.
export async function start(name, script, ...options) {
  started.push(name);
  return docker('run', '-d', '--name', name, ...options, env.image, 'sh', '-c', script);
}

// A name whose containers are removed at the end, for those that a test does not start with start().
export function removeLater(name) {
  started.push(name);
  return name;
}

export const live = (page) =>
  until('the stream is live', async () => (await page.getByTestId('connection').getAttribute('data-state')) === 'live');

export async function until(what, check, ms = 10000) {
  const end = Date.now() + ms;

  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > end) throw new Error(`after ${ms} ms still not: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export async function screenshot(page, name) {
  if (env.output) await page.screenshot({ path: join(env.output, `${name}.png`) });
}

// Opens a page, signs in, runs the body; a fault of the page is a failure too.
export async function run(name, body, options = {}) {
  if (!env.password) skip('SEAWALL_PASSWORD is not set: is Seawall up?');
  if (options.containers && !env.image) skip('SEAWALL_TEST_IMAGE is not set: no engine to start containers on');
  const opened = await openPage(options.context);
  let failed = null;

  try {
    if (options.signIn !== false) await signIn(opened.page);
    await body(opened.page, opened);
    assert.deepEqual(opened.faults, []);
  } catch (e) {
    failed = e;
    await screenshot(opened.page, `${name}-failed`).catch(() => undefined);
  }
  await opened.browser.close();
  for (const container of started) await docker('rm', '-f', container).catch(() => undefined);
  if (failed) console.error(failed);
  console.log(`${name}: ${failed ? 'failed' : 'passed'}`);
  process.exit(failed ? 1 : 0);
}
