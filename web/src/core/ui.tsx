// SPDX-License-Identifier: Apache-2.0
// Small parts that every page uses.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from './api';
import { detectionTitle, when } from './format';
import { Icon, type IconName } from './icons';
import type { Verdict } from './commands';
import type { Severity } from './types';

const SEVERITY_ICON: Record<string, IconName> = { critical: 'incident', high: 'incident', medium: 'info', low: 'info' };

export function SeverityTag({ severity }: { severity: Severity | null }) {
  if (!severity) return null;
  return <span class={`tag severity-${severity}`}><Icon name={SEVERITY_ICON[severity]} size={13} />{severity}</span>;
}

const EFFECT_ICON: Record<string, IconName> = {
  allow: 'check', disable: 'minus', alert: 'incident', prevent: 'shield', block: 'blocked', weakened: 'incident', failed: 'incident',
};

export function EffectTag({ effect, asked }: { effect: string | null; asked?: string | null }) {
  if (!effect) return null;
  const weaker = asked && asked !== effect && (effect === 'weakened' || effect === 'failed');
  return (
    <span class={`tag effect-${effect}`} title={weaker ? `asked: ${asked}` : undefined}>
      <Icon name={EFFECT_ICON[effect] ?? 'info'} size={13} />
      {weaker ? `${asked}: ${effect}` : effect}
    </span>
  );
}

const STATE_ICON: Record<string, IconName> = {
  running: 'exec', blocked: 'blocked', refused: 'refused', exited: 'exit', paused: 'pause', created: 'plus', removed: 'close', unknown: 'info',
};

export function StateTag({ state }: { state: string | null | undefined }) {
  const s = state || 'unknown';
  return <span class={`tag state-${s}`}><Icon name={STATE_ICON[s] ?? 'info'} size={13} />{s}</span>;
}

const VERDICTS: Record<Verdict, { style: string; icon: IconName; text: string }> = {
  allow: { style: 'effect-allow', icon: 'check', text: 'allowed' },
  alert: { style: 'effect-alert', icon: 'incident', text: 'alerted' },
  deny: { style: 'effect-block', icon: 'refused', text: 'denied' },
};

// What the Gate said to a command.
export function VerdictTag({ verdict }: { verdict: Verdict }) {
  const v = VERDICTS[verdict];
  return <span class={`tag ${v.style}`} data-testid="access-verdict" data-verdict={verdict}><Icon name={v.icon} size={13} />{v.text}</span>;
}

// What is said of a container's image: "trusted by ours", "untrusted: why", null = not judged.
export function readTrust(trusted: string | null | undefined): { state: 'trusted' | 'untrusted' | 'unjudged'; reason: string } {
  const text = (trusted ?? '').trim();
  const state = /^untrusted\b/i.test(text) ? 'untrusted' : text ? 'trusted' : 'unjudged';

  return { state, reason: text.replace(/^(un)?trusted\b:?\s*/i, '') };
}

const TRUST: Record<string, { style: string; icon: IconName; text: string }> = {
  trusted: { style: 'effect-allow', icon: 'seal', text: 'trusted' },
  untrusted: { style: 'effect-block', icon: 'unsealed', text: 'not trusted' },
  unjudged: { style: '', icon: 'minus', text: 'not judged' },
};

export function TrustBadge({ trusted }: { trusted: string | null | undefined }) {
  const { state, reason } = readTrust(trusted);
  const t = TRUST[state];

  return (
    <span class="trust" data-testid="trust-badge" data-trust={state}>
      <span class={`tag ${t.style}`}><Icon name={t.icon} size={13} />{t.text}</span>
      <span class="muted">{reason || (state === 'unjudged' ? 'no trust rule is about it' : '')}</span>
    </span>
  );
}

export function Technique({ id }: { id: string }) {
  return (
    <a class="tag plain" href={`https://attack.mitre.org/techniques/${encodeURIComponent(id).replace('.', '/')}/`}
      target="_blank" rel="noreferrer noopener" title="MITRE ATT&CK">{id}</a>
  );
}

export function Detection({ id }: { id: string | null }) {
  return id ? <strong>{detectionTitle(id)}</strong> : null;
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
}

export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div class="empty" role="status">
      <span class="empty-icon"><Icon name={icon} size={28} /></span>
      <h2>{title}</h2>
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const text = error instanceof Error ? error.message : String(error);
  return (
    <div class="notice bad" role="alert">
      <Icon name="incident" />
      <span>{text}</span>
      {retry && <button type="button" class="button small" onClick={retry}>Try again</button>}
    </div>
  );
}

export function Loading() {
  return <div class="loading" role="status"><span class="spinner" />Loading…</div>;
}

export function Time({ value }: { value: string | null | undefined }) {
  return <time dateTime={value ?? undefined} title={value ?? undefined}>{when(value)}</time>;
}

export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => {
    void navigator.clipboard?.writeText(text).then(() => {
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <div class="command">
      <code>{text}</code>
      <button type="button" class="button small quiet" onClick={copy}>{copied ? 'Copied' : 'Copy'}</button>
    </div>
  );
}

export interface Loaded<T> {
  data: T | null;
  error: unknown;
  loading: boolean;
  reload: () => void;
}

// Fetches when `deps` change; an answer that comes after the next question is dropped. Old data
// stays while new data is fetched: pages do not flicker.
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: unknown; loading: boolean }>({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const loader = useRef(load);

  loader.current = load;
  useEffect(() => {
    const abort = new AbortController();

    setState((s) => ({ ...s, loading: true }));
    loader.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) setState({ data, error: null, loading: false });
      },
      (error) => {
        if (!abort.signal.aborted) setState((s) => ({ data: error instanceof Problem && error.status === 404 ? null : s.data, error, loading: false }));
      },
    );
    return () => abort.abort();
  }, [...deps, round]);
  return { ...state, reload: () => setRound((r) => r + 1) };
}

export function saveFile(name: string, content: Blob | string, type = 'application/json'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content;
  const url = URL.createObjectURL(blob);
  const a = document.createElement('a');

  a.href = url;
  a.download = name;
  a.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10000);
}
