// SPDX-License-Identifier: Apache-2.0
// Bundles the unit tests for node and runs them with node's own runner. Arguments go to it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { build } = await import('esbuild').catch(() => {
  console.log('1..0 # SKIP web/node_modules is not there (make web)');
  process.exit(0);
});
const here = fileURLToPath(new URL('.', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'seawall-web-test-'));
const names = readdirSync(here).filter((n) => n.endsWith('.test.ts'));

await build({
  entryPoints: names.map((n) => join(here, n)), bundle: true, platform: 'node', format: 'cjs', outdir: out,
  jsx: 'automatic', jsxImportSource: 'preact', logLevel: 'error',
});
const files = names.map((n) => join(out, n.replace(/\.ts$/, '.js')));
const done = spawnSync(process.execPath, ['--test', ...process.argv.slice(2), ...files], { stdio: 'inherit' });
rmSync(out, { recursive: true, force: true });
process.exit(done.status ?? 1);
