// SPDX-License-Identifier: Apache-2.0
// What the gates have said in the development server's shop: commands to the engine, findings of
// compliance, refusals.
import { iso } from './scenario.mjs';

const COMMANDS = [
  ['alice', ['ops'], '192.0.2.14', 'container_list', null, 'GET', '/v1.43/containers/json', ['all=1'], 'allow', null, 214],
  ['bob', ['dev'], '192.0.2.31', 'container_create', 'docker.io/library/alpine:latest', 'POST', '/v1.43/containers/create', ['image=alpine', 'privileged=true', 'bind=/:/host', 'network=host', 'capability=ALL', 'user=root'], 'deny', ['no remote start', 'privileged=true, bind=/:/host: ask the platform team'], 12],
  [null, [], null, 'container_exec_create', 'shop-db-1', 'POST', '/v1.43/containers/shop-db-1/exec', ['user=root', 'command=psql'], 'alert', ['exec is told', 'exec into a container of production'], 1],
  ['alice', ['ops'], '192.0.2.14', 'image_create', 'registry.local:5000/shop/api:4.2.0', 'POST', '/v1.43/images/create', ['image=registry.local:5000/shop/api:4.2.0'], 'allow', null, 1],
  [null, [], null, 'container_start', 'shop-api-3', 'POST', '/v1.43/containers/shop-api-3/start', [], 'allow', null, 1],
  ['ci', ['build'], '192.0.2.60', 'image_build', 'shop/api:4.3.0-rc1', 'POST', '/v1.43/build', ['network=none', 'tag=shop/api:4.3.0-rc1'], 'allow', null, 3],
  ['mallory', [], '203.0.113.50', 'image_create', 'docker.io/gakeaws/nginx:v8.9', 'POST', '/v1.43/images/create', ['image=gakeaws/nginx:v8.9'], 'deny', ['only known people', 'user mallory is in no group that may pull'], 4],
  [null, [], null, 'container_logs', 'grafana', 'GET', '/v1.43/containers/grafana/logs', ['follow=1'], 'allow', null, 1],
];

const SEVERITY = { allow: null, alert: 'medium', deny: 'high' };

export function commands(world, n = 40) {
  for (let i = n - 1; i >= 0; i--) command(world, i % COMMANDS.length, Date.now() - i * 47e3, i);
}

export function command(world, which, time = Date.now(), seed = world.seq) {
  const [user, groups, address, action, target, method, path, parameters, verdict, rule, count] = COMMANDS[which];
  const c = world.containers.get(world.idOf(target));
  const at = iso(time);
  const audit = {
    id: `c${which}-${seed}`, time: at, kind: 'access', detection: null, rule: rule?.[0] ?? null, revision: 3, effect: verdict === 'deny' ? 'block' : verdict === 'alert' ? 'alert' : 'disable',
    done: verdict === 'deny' ? 'block' : verdict === 'alert' ? 'alert' : null, severity: SEVERITY[verdict], techniques: [],
    message: verdict === 'allow' ? null : `[Seawall] command ${verdict === 'deny' ? 'blocked' : 'alerted'} by rule '${rule[0]}': ${rule[1]}`, evidence: null,
    process: { pid: 0, ppid: 0, start: null, path: null, args: [], args_truncated: false, user: null, ancestry: [] }, file: null, hash: null,
    network: { direction: null, proto: null, address: null, port: 0, country: null, domain: null },
    container: { id: c?.id ?? null, name: c?.name ?? null, image: c?.image ?? (target?.includes('/') ? target : null), digest: null, pod: null, namespace: null, workload: null },
    host: world.host, count, first: iso(time - count * 900), last: at, incident: null, latency_ns: 0,
    command: { user, groups, address, action, target, method, path, parameters, verdict },
  };
  world.audits.unshift(audit);
  world.publish('audit', audit);
  return audit;
}

const CHECKS = [
  ['tcp_without_tls', '2.7', 'critical', 'daemon', 'The engine is not reached over TCP without TLS', 'tcp://0.0.0.0:2375', "dockerd listens on tcp://0.0.0.0:2375 and asks for no client certificate: whoever reaches it is root on this host", "Take -H tcp:// out of dockerd's options, or give it --tlsverify with a CA, or put 'seawall' in front as its proxy"],
  ['userns_remap', '2.9', 'medium', 'daemon', 'User namespaces are used', '/run/docker.sock', 'userns-remap is not set: root in a container is root of the host', 'Set "userns-remap": "default" in /etc/docker/daemon.json'],
  ['live_restore', '2.15', 'low', 'daemon', 'Containers go on while the daemon restarts', '/run/docker.sock', 'live-restore is off', 'Set "live-restore": true in /etc/docker/daemon.json'],
  ['audit_dockerd', '1.1.3', 'medium', 'host', 'The daemon is audited', 'harbour-1', 'no audit rule watches /usr/bin/dockerd', 'Add -w /usr/bin/dockerd -k docker to /etc/audit/rules.d/'],
  ['socket_mode', '3.15', 'high', 'file', "Docker's socket is of root and its group only", '/run/docker.sock', 'mode is 0666: every user of the host commands the engine', 'chmod 660 /run/docker.sock'],
  ['image_user', '4.1', 'medium', 'image', 'Images have a user of their own', 'docker.io/library/redis:7', 'the image sets no user: its processes are root', 'Set USER in its Dockerfile'],
];
const OF_CONTAINERS = [
  ['privileged', '5.5', 'critical', 'Privileged containers are not used', ['shop-db-1'], 'started with --privileged: all capabilities, all devices, no seccomp', 'Start it without --privileged; add the single capability it needs'],
  ['docker_socket', '5.32', 'critical', "Docker's socket is not given to containers", ['prometheus'], '/run/docker.sock is mounted to /var/run/docker.sock', 'Take the mount out, or mount a proxy that only reads'],
  ['host_network', '5.10', 'high', "The host's network is not shared", ['prometheus'], 'network mode is host', 'Give it a network of its own and publish the ports it needs'],
  ['secret_environment', null, 'high', 'Secrets are not in the environment', ['shop-api-1', 'shop-api-2', 'shop-api-3'], 'DB_PASSWORD looks like a secret', 'Give it as a file: docker secret, or a mount'],
  ['root_user', null, 'medium', 'Processes are not root', ['shop-web-1', 'shop-web-2', 'shop-cache-1', 'shop-db-1'], 'its first process is root', 'Start it with --user, or set USER in the image'],
  ['memory_limit', '5.11', 'low', 'Memory has a limit', ['shop-web-1', 'shop-web-2', 'shop-api-1', 'shop-api-2', 'shop-api-3', 'grafana'], 'no limit is set', 'Start it with --memory'],
  ['pids_limit', '5.29', 'low', 'Processes have a limit', ['shop-web-1', 'grafana'], 'no limit is set', 'Start it with --pids-limit 200'],
];

const NOBODY = { id: null, name: null, image: null, digest: null, pod: null, namespace: null, workload: null };

export function findings(world) {
  const time = iso(Date.now() - 45e3);
  const out = CHECKS.map(([check, cis, severity, resource, title, target, cause, remedy]) => (
    { id: `${check}@${target}`, check, cis, severity, title, resource, target, container: NOBODY, passed: false, cause, remedy, effect: 'alert', rule: 'basics', host: world.host, time }));

  for (const c of world.containers.values())
    for (const [check, cis, severity, title, failing, cause, remedy] of OF_CONTAINERS) {
      const passed = !failing.includes(c.name);
      out.push({ id: `${check}@${c.id}`, check, cis, severity, title, resource: 'container', target: c.id, container: { ...NOBODY, id: c.id, name: c.name, image: c.image }, passed,
        cause: passed ? null : cause, remedy, effect: check === 'privileged' ? 'block' : check === 'pids_limit' ? 'disable' : 'alert', rule: check === 'privileged' ? 'basics' : null, host: world.host, time });
    }
  return out;
}

export const passedWord = (f) => (f.passed ? 'true' : f.effect === 'disable' ? 'ignored' : 'false');
const none = () => ({ passed: 0, failed: 0, ignored: 0 });

export function summary(all) {
  const s = { rate: 0, passed: 0, failed: 0, ignored: 0, by_severity: {}, by_resource: {} };

  for (const f of all) {
    const key = passedWord(f) === 'true' ? 'passed' : passedWord(f) === 'false' ? 'failed' : 'ignored';
    for (const t of [s, (s.by_resource[f.resource] ??= none())]) t[key]++;
    if (key === 'failed') s.by_severity[f.severity] = (s.by_severity[f.severity] ?? 0) + 1;
  }
  s.rate = s.passed / Math.max(1, s.passed + s.failed);
  return s;
}

// A gate refuses a container: an audit, and a node that says so for a while.
export function refuse(world) {
  const image = 'docker.io/gakeaws/nginx:v8.9';
  const reason = "[Seawall] image blocked by rule 'only ours': image docker.io/gakeaws/nginx:v8.9 is in no allowed group (ours, signed)";
  const id = `refused:worm_${++world.round}@${image}`;
  const audit = { ...command(world, 1), id: `t${world.round}`, kind: 'trust', rule: 'only ours', message: reason, severity: 'high', count: 1, command: null };

  audit.container = { ...audit.container, name: `worm_${world.round}`, image };
  world.audits.unshift(audit);
  world.publish('audit', audit);
  world.add({ id: `image:${image}`, kind: 'image', label: 'gakeaws/nginx', containers: [{ id, name: `worm_${world.round}`, state: 'refused' }], state: 'refused', color: 'red', badges: ['untrusted'] });
  world.add({ id, kind: 'container', parent: `image:${image}`, label: `worm_${world.round}`, state: 'refused', color: 'red', reason, badges: [], worst: 'high' });
}
