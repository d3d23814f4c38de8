// SPDX-License-Identifier: Apache-2.0
// A stand-in for the Console, for work on the UI without one: `npm run mock`, then open
// http://127.0.0.1:8093 (the built pages) or `npm run dev`. User admin, password admin.
// MOCK_MANUAL=1 waits for GET /dev/arrive, /dev/connect, /dev/alert, /dev/block, /dev/remove; /dev/command and
// /dev/refuse work always; MOCK_EMPTY=1 has seen no command and no finding;
// MOCK_SCALE=5000 adds that many containers.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command, commands, findings, passedWord, refuse, summary } from './gates.mjs';
import { iso, POLICY, World } from './scenario.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const PORT = Number(process.env.MOCK_PORT ?? 8093);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
const STEPS = [['arrive', 3000], ['connect', 1500], ['alert', 1500], ['block', 4000], ['remove', 30000]];

const streams = new Set();
const world = new World((topic, data, id) => {
  for (const s of streams) s.write(`id: ${id}\nevent: ${topic}\ndata: ${JSON.stringify(data)}\n\n`);
}, Number(process.env.MOCK_SCALE ?? 0));
if (!process.env.MOCK_EMPTY) commands(world);
const checked = process.env.MOCK_EMPTY ? [] : findings(world);
const GATES = { command: () => command(world, world.seq % 8), refuse: () => refuse(world) };
const revisions = [
  { revision: 1, author: 'seawall', time: iso(Date.now() - 9 * 86400e3), text: 'version: 1\ncollections:\n  - {name: everything}\nruntime: []\n', note: 'first policy' },
  { revision: 2, author: 'admin', time: iso(Date.now() - 2 * 86400e3), text: POLICY.replace('alert   # look first', 'alert'), note: null },
  { revision: 3, author: 'alice', time: iso(Date.now() - 3600e3), text: POLICY, note: null },
];
const latest = () => revisions[revisions.length - 1];

function check(text) {
  const messages = [];
  text.split('\n').forEach((line, i) => {
    const effect = /crypto_miners: *(\w+)/.exec(line);
    if (effect && !['disable', 'alert', 'prevent', 'block'].includes(effect[1]))
      messages.push({ file: 'policy.yaml', line: i + 1, column: line.indexOf(effect[1]) + 1, level: 'error', message: `unknown effect '${effect[1]}'`, expected: 'disable, alert, prevent or block' });
    if (/reverse_shell/.test(line))
      messages.push({ file: 'policy.yaml', line: i + 1, column: line.search(/\S/) + 1, level: 'warning', message: 'reverse_shell is not enforced yet', expected: null });
  });
  return messages;
}

function diff(a, b) {
  const x = a.split('\n');
  const y = b.split('\n');
  return ['--- present', '+++ new', ...x.filter((l) => !y.includes(l)).map((l) => `-${l}`), ...y.filter((l) => !x.includes(l)).map((l) => `+${l}`)].join('\n');
}

function put(text, res, json) {
  const messages = check(text);
  if (messages.some((m) => m.level === 'error')) return json(422, { type: 'about:blank', title: 'The policy has errors', status: 422, detail: 'nothing was changed', errors: messages });
  revisions.push({ revision: latest().revision + 1, author: 'admin', time: iso(Date.now()), text, note: null });
  return json(200, { revision: latest().revision, warnings: messages });
}

const policyOf = (r) => ({ revision: r.revision, text: r.text, policy: {}, author: r.author, time: r.time, warnings: check(r.text) });

async function api(req, res, url, body) {
  const json = (status, value, headers = {}) => {
    res.writeHead(status, { 'Content-Type': status < 400 ? 'application/json' : 'application/problem+json', ...headers });
    res.end(value === undefined ? '' : JSON.stringify(value));
  };
  const path = url.pathname.slice('/api/v1'.length);
  const route = `${req.method} ${path}`;
  const problem = (status, title) => json(status, { type: 'about:blank', title, status, detail: title });
  const signedIn = /seawall_session=mock/.test(req.headers.cookie ?? '');
  const find = (id) => [...world.containers.values()].findLast((c) => c.id.startsWith(id) || c.name === id);

  if (route === 'POST /login') {
    const { user, password } = JSON.parse(body || '{}');
    if (user !== 'admin' || password !== 'admin') return problem(401, 'wrong user or password');
    return json(200, { user, role: 'admin' }, { 'Set-Cookie': 'seawall_session=mock; HttpOnly; SameSite=Strict; Path=/' });
  }
  if (!signedIn) return problem(401, 'sign in first');
  if (req.method !== 'GET' && req.headers['x-requested-with'] !== 'seawall') return problem(403, 'X-Requested-With is missing');
  const filtered = (list, fields) => list.filter((i) => fields.every((f) => !url.searchParams.get(f) || i[f] === url.searchParams.get(f)));
  const fits = (pattern, word) => !pattern || (word ?? '').toLowerCase().includes(pattern.replace(/^\*|\*$/g, '').toLowerCase()); // roughly
  const asked = (a) => ['user', 'action', 'verdict'].every((f) => fits(url.searchParams.get(f), a.command?.[f] ?? (f === 'user' ? 'local socket' : ''))) &&
    fits(url.searchParams.get('text'), JSON.stringify(a));
  const container = /^\/(containers|forensics)\/([^/]+)(\/\w+)?$/.exec(path);
  if (container) {
    const c = find(decodeURIComponent(container[2]));
    if (!c) return problem(404, 'there is no such container');
    if (container[1] === 'forensics') return json(200, { items: world.forensics(c), next: null });
    if (container[3] === '/processes') return json(200, { items: world.processes(c), next: null });
    if (container[3] === '/connections')
      return json(200, { items: [...world.edges.values()].filter((e) => e.from.endsWith(c.id)).map((e) => ({ container: c.id, pid: 4711, process: e.process, direction: 'outbound', proto: e.proto, address: e.addresses[0] ?? '172.17.0.9', port: e.port, domain: null, country: e.country, count: e.count, bytes_sent: e.bytes, bytes_received: 300, first: e.first, last: e.last, effect: e.effect === 'allow' ? 'disable' : e.effect })), next: null });
    return json(200, c);
  }
  const revision = /^\/policy\/revisions\/(\d+)$/.exec(path);
  if (revision) return json(200, policyOf(revisions[Number(revision[1]) - 1]));
  const incident = /^\/incidents\/(\w+)(\/ack)?$/.exec(path);
  if (incident) {
    const i = world.incidents.find((x) => x.id === incident[1]);
    if (incident[2]) i.state = 'acknowledged';
    return json(200, { ...i, items: world.audits.filter((a) => a.incident === i.id) });
  }
  switch (route) {
    case 'GET /me': return json(200, { user: 'admin', role: 'admin' });
    case 'POST /logout': return json(204, undefined, { 'Set-Cookie': 'seawall_session=; Max-Age=0; Path=/' });
    case 'POST /password': return JSON.parse(body).old === 'admin' ? json(204) : problem(403, 'the present password is wrong');
    case 'GET /status': return json(200, world.status());
    case 'GET /radar': return json(200, { nodes: [...world.nodes.values()], edges: [...world.edges.values()], seq: world.seq });
    case 'GET /audits': return json(200, { items: filtered(world.audits, ['kind', 'detection', 'severity', 'effect', 'done', 'incident']).filter(asked).filter((a) => !url.searchParams.get('container') || find(url.searchParams.get('container'))?.id === a.container.id), next: null });
    case 'GET /compliance/summary': return json(200, summary(checked));
    case 'GET /compliance': return json(200, { items: filtered(checked, ['resource', 'severity']).filter((f) => (!url.searchParams.get('passed') || passedWord(f) === url.searchParams.get('passed')) && (!url.searchParams.get('container') || f.container.id === url.searchParams.get('container'))), next: null });
    case 'GET /incidents': return json(200, { items: filtered(world.incidents, ['state']), next: null });
    case 'GET /policy': return json(200, policyOf(latest()), { ETag: `"${latest().revision}"` });
    case 'PUT /policy':
      if (req.headers['if-match'] && req.headers['if-match'] !== `"${latest().revision}"`) return problem(412, 'somebody was faster');
      return put(body, res, json);
    case 'POST /policy/check': return json(200, { ok: !check(body).some((m) => m.level === 'error'), messages: check(body) });
    case 'POST /policy/diff': return json(200, { diff: diff(latest().text, body) });
    case 'GET /policy/history': return json(200, { items: [...revisions].reverse().map(({ text, ...r }) => ({ ...r, added: 4, removed: 1 })) });
    case 'POST /policy/rollback': return put(revisions[JSON.parse(body).revision - 1].text, res, json);
    case 'GET /stream': {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      res.write(': hello\n\n');
      streams.add(res);
      res.on('close', () => streams.delete(res));
      return undefined;
    }
    default: return problem(404, 'there is no such address');
  }
}

async function file(res, path) {
  const name = extname(path) ? normalize(path).replace(/^(\.\.\/)+/, '') : '/index.html';
  const content = await readFile(join(DIST, name)).catch(() => null);
  res.writeHead(content ? 200 : 404, { 'Content-Type': TYPES[extname(name)] ?? 'text/plain', 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff' });
  res.end(content ?? 'not found');
}

createServer((req, res) => {
  const url = new URL(req.url, `http://${req.headers.host}`);
  const chunks = [];

  req.on('data', (c) => chunks.push(c));
  req.on('end', async () => {
    const step = /^\/dev\/(\w+)$/.exec(url.pathname)?.[1];
    if (step && GATES[step]) {
      GATES[step]();
      res.end('ok');
    } else if (step && STEPS.some(([s]) => s === step)) {
      world[step]();
      res.end('ok');
    } else if (url.pathname.startsWith('/api/v1/')) {
      await api(req, res, url, Buffer.concat(chunks).toString());
    } else {
      await file(res, url.pathname);
    }
  });
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));

async function play() {
  for (;;)
    for (const [step, delay] of STEPS) {
      await new Promise((done) => setTimeout(done, delay));
      world[step]();
    }
}
if (!process.env.MOCK_MANUAL) void play();
