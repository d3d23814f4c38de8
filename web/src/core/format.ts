// SPDX-License-Identifier: Apache-2.0
// How values are written for people. All of it returns text: nothing here makes markup.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: 'numeric' });
const COUNTRY = new Intl.DisplayNames(['en'], { type: 'region' });
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

export function clock(time: string | null | undefined): string {
  return time ? CLOCK.format(new Date(time)) : '–';
}

export function day(time: string | null | undefined): string {
  return time ? DAY.format(new Date(time)) : '–';
}

// The time, with its day in front when that is not today.
export function when(time: string | null | undefined): string {
  if (!time) return '–';
  return day(time) === DAY.format(new Date()) ? clock(time) : `${day(time)} ${clock(time)}`;
}

// The fraction of a second, to the microsecond, of an RFC 3339 time with nanoseconds.
export function fraction(time: string): string {
  const digits = /\.(\d+)/.exec(time)?.[1] ?? '';

  return `.${digits.padEnd(6, '0').slice(0, 6)}`;
}

export function ago(time: string | null | undefined, now = Date.now()): string {
  if (!time) return '–';
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));

  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function bytes(n: number): string {
  let unit = 0;

  while (n >= 1000 && unit < UNITS.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${UNITS[unit]}`;
}

export function count(n: number): string {
  return n.toLocaleString('en');
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function duration(ns: number): string {
  if (ns < 1e6) return `${Math.round(ns / 1e3)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / 1e9).toFixed(1)} s`;
}

export function countryName(code: string | null | undefined): string {
  if (!code || !/^[A-Z]{2}$/.test(code)) return 'Internet';
  try {
    return COUNTRY.of(code) ?? code;
  } catch {
    return code;
  }
}

export function shortImage(image: string | null | undefined): string {
  return (image ?? '').replace(/^docker\.io\/(library\/)?/, '').replace(/:latest$/, '');
}

export function shortId(id: string | null | undefined): string {
  return (id ?? '').replace(/^sha256:/, '').slice(0, 12);
}

export function baseName(path: string | null | undefined): string {
  return (path ?? '').split('/').pop() || path || '?';
}

// What a multi-call program was called as, where that is not its file's name: "sleep" of busybox.
export function calledAs(path: string | null | undefined, args: string[] | null | undefined): string {
  const name = args && args.length ? baseName(args[0].replace(/^-/, '')) : '';

  return path && name && name !== baseName(path) && !/\s/.test(name) ? name : '';
}

export function commandLine(path: string | null | undefined, args: string[] | null | undefined): string {
  return args && args.length ? args.map((a) => (/[\s"']/.test(a) ? JSON.stringify(a) : a)).join(' ') : (path ?? '?');
}

// "crypto_miner" -> "Crypto miner"
export function title(id: string | null | undefined): string {
  const text = (id ?? '').replace(/_/g, ' ');

  return text ? text[0].toUpperCase() + text.slice(1) : '';
}

export function endpoint(address: string | null | undefined, port: number): string {
  if (!address) return port ? `:${port}` : '';
  return port ? (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`) : address;
}

const LABELS: Record<string, string> = {
  crypto_miner: 'Crypto miner', suid_exec: 'SUID execution', kube_api: 'Kubernetes API access', bpf_load: 'BPF program loaded',
  trust: 'Image not trusted', compliance: 'Compliance', access: 'Engine command', vulnerability: 'Vulnerable image',
  cloud_metadata: 'Cloud metadata access', feed_ip: 'Known malicious address', feed_hash: 'Known malicious file',
};

export function detectionTitle(id: string | null | undefined): string {
  return LABELS[id ?? ''] ?? title(id);
}
