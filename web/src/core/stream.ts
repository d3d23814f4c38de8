// SPDX-License-Identifier: Apache-2.0
// The Console's server-sent events. The browser resumes a broken stream by itself with
// Last-Event-ID; when it gives up (or the Console forgot us) a new one is opened with back-off and
// `onFresh` says that what was known must be fetched again.
import { signal } from '@preact/signals';
import { restore } from './session';

export type Connection = 'connecting' | 'live' | 'lost';

export const connection = signal<Connection>('connecting');

const EVENTS = ['radar', 'audit', 'incident', 'container', 'status', 'compliance_finding', 'compliance_gone'] as const;
const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 8000;

export type StreamEvent = (typeof EVENTS)[number];

export interface StreamHandlers {
  onEvent(name: StreamEvent, data: unknown): void;
  onFresh(): void; // a stream without a past is open: fetch everything
}

export function openStream(handlers: StreamHandlers): () => void {
  let source: EventSource | null = null;
  let delay = FIRST_DELAY_MS;
  let timer = 0;
  let closed = false;

  const retry = () => {
    source?.close();
    source = null;
    if (closed) return;
    timer = window.setTimeout(async () => {
      await restore(); // a session that ended leads to the login page instead
      if (!closed) open();
    }, delay);
    delay = Math.min(delay * 2, MAX_DELAY_MS);
  };

  const open = () => {
    let fresh = true;
    const s = new EventSource('/api/v1/stream');

    source = s;
    s.onopen = () => {
      delay = FIRST_DELAY_MS;
      connection.value = 'live';
      if (fresh) handlers.onFresh();
      fresh = false;
    };
    s.onerror = () => {
      connection.value = 'lost';
      if (s.readyState === EventSource.CLOSED) retry();
    };
    for (const name of EVENTS)
      s.addEventListener(name, (e) => {
        handlers.onEvent(name, JSON.parse((e as MessageEvent<string>).data));
      });
  };

  open();
  return () => {
    closed = true;
    window.clearTimeout(timer);
    source?.close();
    connection.value = 'connecting';
  };
}
