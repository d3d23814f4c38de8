// SPDX-License-Identifier: Apache-2.0
// The build of the UI: static files under dist/ that the Console embeds. Nothing is inlined, so
// that the pages work under `default-src 'none'; script-src 'self'; style-src 'self'`.
import { defineConfig } from 'vite';

const api = process.env.SEAWALL_URL ?? 'http://127.0.0.1:8093';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 400,
  },
  server: { proxy: { '/api': { target: api, changeOrigin: true, secure: false } } },
});
