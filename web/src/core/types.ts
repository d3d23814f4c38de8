// SPDX-License-Identifier: Apache-2.0
// The API's nouns as the UI reads them (src/model/records.h is where they are defined).

export type Effect = 'disable' | 'allow' | 'alert' | 'prevent' | 'block';
export type Severity = 'low' | 'medium' | 'high' | 'critical';
export type Color = 'green' | 'yellow' | 'orange' | 'red' | 'grey';
export type State = 'unknown' | 'created' | 'running' | 'paused' | 'exited' | 'removed' | 'blocked' | 'refused';
export type NodeKind = 'image' | 'container' | 'host' | 'internet' | 'service';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface RadarNode {
  id: string;
  kind: NodeKind;
  label: string;
  parent?: string | null;
  group?: string | null;
  containers?: { id: string; name: string; state: State }[];
  state?: State | null;
  color?: Color | null;
  badges?: string[] | null;
  country?: string | null;
  reason?: string | null;
  worst?: Severity | null;
  processes?: number | null;
}

export interface RadarEdge {
  id: string;
  from: string;
  to: string;
  proto: string | null;
  port: number;
  process: string | null;
  count: number;
  bytes: number;
  first: string | null;
  last: string | null;
  effect: Effect | null;
  domain?: string | null;
  country?: string | null;
  addresses?: string[] | null;
}

export interface RadarSnapshot {
  nodes: RadarNode[];
  edges: RadarEdge[];
  seq: number;
}

export type RadarEvent =
  | { op: 'node'; node: RadarNode }
  | { op: 'edge'; edge: RadarEdge }
  | { op: 'remove'; id: string }
  | { op: 'reset' };

export interface Process {
  pid: number;
  ppid: number;
  start: string | null;
  path: string | null;
  args: string[];
  args_truncated: boolean;
  user: string | null;
  ancestry: { pid: number; path: string | null; args: string[] }[];
}

export interface Network {
  direction: 'outbound' | 'inbound' | 'listen' | null;
  proto: string | null;
  address: string | null;
  port: number;
  country: string | null;
  domain: string | null;
}

export interface ContainerRef {
  id: string | null;
  name: string | null;
  image: string | null;
  digest: string | null;
  pod: string | null;
  namespace: string | null;
  workload: string | null;
}

export interface Container {
  id: string;
  name: string;
  image: string | null;
  digest: string | null;
  runtime: string | null;
  pid: number;
  state: State;
  created: string | null;
  started: string | null;
  finished: string | null;
  exit_code: number;
  blocked_by: string | null;
  blocked_reason: string | null;
  pod: string | null;
  namespace: string | null;
  workload: string | null;
  labels: Record<string, string>;
  trusted?: string | null; // "trusted by ours", "untrusted: why", null = not judged
  worst: Severity | null;
  addresses: string[];
  networks: string[];
  privileged: boolean;
  host: string | null;
  rule: string | null;
  restart_policy: string | null;
  compose_project: string | null;
}

// A command to a container engine: what an access audit is about.
export interface EngineCommand {
  user: string | null; // null = nobody in particular: the local socket
  groups: string[];
  address: string | null;
  action: string | null;
  target: string | null;
  method: string | null;
  path: string | null;
  parameters: string[];
  verdict: string | null; // allow, alert, deny
}

export interface Audit {
  id: string;
  time: string;
  kind: string | null;
  detection: string | null;
  rule: string | null;
  revision: number;
  effect: Effect | null;
  done: string | null;
  severity: Severity | null;
  techniques: string[];
  message: string | null;
  evidence: string | null;
  process: Process;
  file: string | null;
  hash: string | null;
  network: Network;
  container: ContainerRef;
  host: string | null;
  count: number;
  first: string | null;
  last: string | null;
  incident: string | null;
  latency_ns: number;
  command?: EngineCommand | null;
}

export interface Incident {
  id: string;
  opened: string;
  updated: string;
  category: string | null;
  severity: Severity | null;
  state: string;
  container: ContainerRef;
  audits: number;
  story: string | null;
  host: string | null;
  items?: Audit[];
}

export interface FlightEvent {
  seq: number;
  time: string;
  type: string;
  container: string | null;
  container_name: string | null;
  image: string | null;
  pid: number;
  ppid: number;
  path: string | null;
  args: string[];
  args_truncated: boolean;
  user: string | null;
  exit_code: number;
  exit_signal: number;
  direction: string | null;
  proto: string | null;
  address: string | null;
  port: number;
  country: string | null;
  domain: string | null;
  file: string | null;
  audit: string | null;
  detection: string | null;
  effect: Effect | null;
  done: string | null;
  message: string | null;
  count: number;
  first: string | null;
  last: string | null;
  bytes_sent: number;
  bytes_received: number;
}

export interface Edge {
  container: string | null;
  pid: number;
  process: string | null;
  direction: string | null;
  proto: string | null;
  address: string | null;
  port: number;
  domain: string | null;
  country?: string | null;
  count: number;
  bytes_sent: number;
  bytes_received: number;
  first: string | null;
  last: string | null;
  effect: Effect | null;
}

// One check of one resource.
export interface Finding {
  id: string;
  check: string | null; // null: no finding, but the word that one is gone
  cis: string | null; // number in the CIS Docker Benchmark; null = not of it
  severity: Severity | null;
  title: string | null;
  resource: string | null; // container, image, daemon, host, file
  target: string | null;
  container: ContainerRef;
  passed: boolean;
  cause: string | null;
  remedy: string | null;
  effect: Effect | null;
  rule: string | null;
  host: string | null;
  time: string | null;
}

export interface Tally {
  passed: number;
  failed: number;
  ignored: number; // not as it should be, and no rule wants to know
}

export interface ComplianceSummary extends Tally {
  rate: number | null; // of those that passed or failed
  by_severity: Partial<Record<Severity, number>>; // failed ones
  by_resource: Record<string, Tally>;
}

export interface SensorStatus {
  name: string;
  state: 'on' | 'off' | 'failed';
  reason: string | null;
  verified_at: string | null;
}

export interface Status {
  ready: boolean;
  version: string | null;
  kernel: string | null;
  host: string | null;
  defender: { pid: number; rss: number; cpu_percent: number; cpu_ns: number };
  sensors: SensorStatus[];
  enforcers: SensorStatus[];
  runtimes: { kind: string | null; version: string | null; socket: string | null; state: string | null }[];
  events: { seen: number; dropped_security: number; dropped_bulk: number; blind_ms: number };
  containers: number;
  policy_revision: number;
  warnings: string[];
}

export interface PolicyMessage {
  file?: string | null;
  line: number;
  column: number;
  level: 'error' | 'warning';
  message: string;
  expected?: string | null;
}

export interface Policy {
  revision: number;
  text: string;
  author: string | null;
  time: string | null;
  warnings: PolicyMessage[];
}

export interface Revision {
  revision: number;
  author: string | null;
  time: string | null;
  added: number;
  removed: number;
  note: string | null;
}
