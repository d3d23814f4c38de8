// SPDX-License-Identifier: Apache-2.0
// The one way to the Console's API: JSON, the session cookie, RFC 9457 problems as exceptions.
import type { PolicyMessage } from './types';

export class Problem extends Error {
  readonly status: number;
  readonly errors: PolicyMessage[];

  constructor(status: number, message: string, errors: PolicyMessage[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

export interface Options {
  method?: string;
  body?: unknown;
  text?: string; // sent as it is: a policy
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

let onUnauthorized = (): void => {};

// The session is told when the Console no longer knows us; api.ts itself knows no pages.
export function whenUnauthorized(callback: () => void): void {
  onUnauthorized = callback;
}

function describe(status: number, body: unknown): Problem {
  const p = (body ?? {}) as { title?: string; detail?: string; errors?: PolicyMessage[] };
  const text = p.detail || p.title || `the Console answered ${status}`;

  return new Problem(status, text, Array.isArray(p.errors) ? p.errors : []);
}

export async function request(path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers };
  let body: string | undefined;

  if (options.text !== undefined) {
    headers['Content-Type'] = 'application/yaml';
    body = options.text;
  } else if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json';
    body = JSON.stringify(options.body);
  }
  if (options.method && options.method !== 'GET') headers['X-Requested-With'] = 'seawall';
  let answer: Response;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method: options.method ?? 'GET',
      credentials: 'same-origin',
      cache: 'no-store',
      headers,
      body,
      signal: options.signal,
    });
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e;
    throw new Problem(0, 'The Console cannot be reached. Is it running?');
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== '/login') onUnauthorized();
  throw describe(answer.status, await answer.json().catch(() => null));
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request(path, { signal })).json() as Promise<T>;
}

export async function send<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const answer = await request(path, { ...options, method });
  const text = await answer.text();

  return (text ? JSON.parse(text) : null) as T;
}

// Builds "?a=1&b=2" of what is set.
export function query(values: Record<string, string | number | null | undefined>): string {
  const q = new URLSearchParams();

  for (const [key, value] of Object.entries(values))
    if (value !== null && value !== undefined && value !== '') q.set(key, String(value));
  const text = q.toString();
  return text ? `?${text}` : '';
}
