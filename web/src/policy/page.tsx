// SPDX-License-Identifier: Apache-2.0
// The policy page: the form and the YAML of the same revision side by side, checked while typing,
// applied as a new revision; its history with differences and roll-back.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { get, Problem, request, send } from '../core/api';
import { ago, plural } from '../core/format';
import { Icon } from '../core/icons';
import { status } from '../core/live';
import type { Page, Policy, PolicyMessage, Revision } from '../core/types';
import { Failure, Loading, Time, useLoad } from '../core/ui';
import { readPolicy } from './document';
import { Diff, Editor } from './editor';
import { PolicyForm } from './form';

const CHECK_MS = 350;

interface Outcome {
  kind: 'good' | 'bad' | 'conflict';
  text: string;
}

export function PolicyPage() {
  const { data: policy, error, reload } = useLoad((signal) => get<Policy>('/policy', signal), []);
  const [text, setText] = useState<string | null>(null);
  const [messages, setMessages] = useState<PolicyMessage[]>([]);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const [history, setHistory] = useState(false);
  const [goTo, setGoTo] = useState<{ line: number; column: number; tick: number } | null>(null);
  const current = text ?? policy?.text ?? '';
  const dirty = policy !== null && text !== null && text !== policy.text;
  const reading = useMemo(() => readPolicy(current), [current]);
  const errors = messages.filter((m) => m.level === 'error');
  const newer = policy && status.value && status.value.policy_revision > policy.revision;

  useEffect(() => {
    if (policy) setMessages((m) => (dirty ? m : asMessages(policy.warnings)));
  }, [policy]);
  // Somebody else's revision: shown at once where nothing of ours would be lost.
  useEffect(() => {
    if (newer && !dirty && !busy) reload();
  }, [newer, dirty]);
  useEffect(() => {
    if (!dirty) return undefined;
    const abort = new AbortController();
    const timer = window.setTimeout(() => {
      request('/policy/check', { method: 'POST', text: current, signal: abort.signal })
        .then((r) => r.json())
        .then((r: { messages: PolicyMessage[] }) => setMessages(r.messages), (e) => {
          if (e instanceof Problem && e.errors.length) setMessages(e.errors);
        });
    }, CHECK_MS);
    return () => {
      window.clearTimeout(timer);
      abort.abort();
    };
  }, [current, dirty]);
  useEffect(() => {
    const warn = (e: BeforeUnloadEvent) => dirty && e.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [dirty]);

  const edit = (next: string) => {
    setText(next);
    setOutcome(null);
  };
  const discard = () => {
    setText(null);
    setOutcome(null);
    reload();
  };
  const apply = async (base: number | null) => {
    setBusy(true);
    try {
      const done = await send<{ revision: number }>('PUT', '/policy', { text: current, headers: base === null ? {} : { 'If-Match': `"${base}"` } });
      setOutcome({ kind: 'good', text: `Revision ${done.revision} is in force.` });
      setText(null);
      reload();
    } catch (e) {
      const p = e instanceof Problem ? e : new Problem(0, String(e));
      if (p.errors.length) setMessages(p.errors);
      setOutcome(p.status === 412
        ? { kind: 'conflict', text: 'Somebody else applied a newer revision while you were editing. Nothing was overwritten.' }
        : { kind: 'bad', text: p.status === 422 ? 'The policy has errors; nothing was changed.' : p.message });
    } finally {
      setBusy(false);
    }
  };

  if (!policy) return <section class="page">{error ? <Failure error={error} retry={reload} /> : <Loading />}</section>;
  return (
    <section class="page full" data-testid="policy" data-revision={policy.revision}>
      <header class="page-head">
        <div>
          <h1>Policy</h1>
          <p class="muted">
            Revision {policy.revision}{policy.author ? ` by ${policy.author}` : ''}{policy.time ? `, ${ago(policy.time)}` : ''}
            {dirty && <span class="changed"> · changed, not applied</span>}
          </p>
        </div>
        <div class="filters">
          <button type="button" class="button" aria-pressed={history} data-testid="policy-history" onClick={() => setHistory(!history)}>
            <Icon name={history ? 'policy' : 'history'} size={16} />{history ? 'Back to the rules' : 'History'}
          </button>
          {dirty && <button type="button" class="button" data-testid="policy-discard" onClick={discard}>Discard</button>}
          <button type="button" class="button primary" data-testid="policy-apply" disabled={!dirty || busy || Boolean(reading.error)} onClick={() => void apply(policy.revision)}>
            <Icon name="check" size={16} />{busy ? 'Applying…' : 'Apply'}
          </button>
        </div>
      </header>
      {outcome && (
        <div class={`notice ${outcome.kind === 'good' ? 'good' : 'bad'}`} role="status" data-testid="policy-outcome" data-kind={outcome.kind}>
          <Icon name={outcome.kind === 'good' ? 'check' : 'incident'} /><span>{outcome.text}</span>
          {outcome.kind === 'conflict' && (
            <>
              <button type="button" class="button small" onClick={discard}>Take theirs</button>
              <button type="button" class="button small" onClick={() => void apply(null)}>Apply mine over it</button>
            </>
          )}
        </div>
      )}
      {history ? <History present={policy.revision} onDone={(n) => {
        setHistory(false);
        setText(null);
        setOutcome({ kind: 'good', text: `Rolled back: revision ${n} is in force.` });
        reload();
      }} /> : (
        <div class="policy-columns">
          <div class="policy-form" data-testid="policy-form"><PolicyForm text={current} reading={reading} onText={edit} onLine={(line) => setGoTo({ line, column: 1, tick: Date.now() })} /></div>
          <div class="policy-text">
            <Editor text={current} messages={withReadError(messages, reading.error)} goTo={goTo} onText={edit} />
            <Messages messages={messages} dirty={dirty} errors={errors.length} onGo={(m) => setGoTo({ line: m.line, column: m.column, tick: Date.now() })} />
          </div>
        </div>
      )}
    </section>
  );
}

// Warnings come as objects, from older Consoles as plain text.
function asMessages(warnings: (PolicyMessage | string)[] | null): PolicyMessage[] {
  return (warnings ?? []).map((w) => (typeof w === 'string' ? { line: 0, column: 0, level: 'warning', message: w } : w));
}

function withReadError(messages: PolicyMessage[], error: { line: number; column: number; message: string } | null): PolicyMessage[] {
  if (!error || messages.some((m) => m.level === 'error')) return messages;
  return [...messages, { ...error, level: 'error' }];
}

interface MessagesProps {
  messages: PolicyMessage[];
  dirty: boolean;
  errors: number;
  onGo: (m: PolicyMessage) => void;
}

function Messages({ messages, dirty, errors, onGo }: MessagesProps) {
  return (
    <div class="messages" data-testid="policy-messages" data-errors={errors}>
      <p class={errors ? 'error' : 'muted'}>
        <Icon name={errors ? 'incident' : 'check'} size={15} />
        {errors ? plural(errors, 'error') : dirty ? 'No errors' : 'As applied'}
        {messages.length > errors ? `, ${plural(messages.length - errors, 'warning')}` : ''}
      </p>
      {messages.map((m, i) => (
        <button key={i} type="button" class={m.level} data-testid="policy-message" data-level={m.level} data-line={m.line} onClick={() => onGo(m)}>
          {m.line > 0 && <span class="mono">{m.file && m.file !== 'policy.yaml' ? `${m.file}:` : ''}{m.line}:{m.column}</span>}
          <span>{m.message}{m.expected ? `; expected ${m.expected}` : ''}</span>
        </button>
      ))}
    </div>
  );
}

function History({ present, onDone }: { present: number; onDone: (revision: number) => void }) {
  const { data, error, reload } = useLoad((signal) => get<Page<Revision>>('/policy/history', signal), [present]);
  const [chosen, setChosen] = useState<number | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const rollBack = async (revision: number) => {
    try {
      onDone((await send<{ revision: number }>('POST', '/policy/rollback', { body: { revision } })).revision);
    } catch (e) {
      setFailure(e);
    }
  };

  if (!data) return error ? <Failure error={error} retry={reload} /> : <Loading />;
  return (
    <div class="policy-columns history">
      <ul class="revisions card">
        {data.items.map((r) => (
          <li key={r.revision}>
            <button type="button" aria-pressed={chosen === r.revision} data-testid="policy-revision" data-revision={r.revision} onClick={() => setChosen(r.revision)}>
              <strong>Revision {r.revision}</strong>
              {r.revision === present && <span class="tag state-running"><Icon name="check" size={13} />in force</span>}
              <span class="spacer" />
              <span class="plus">+{r.added}</span> <span class="minus">−{r.removed}</span>
              <span class="muted who">{r.author ?? '–'}, <Time value={r.time} />{r.note ? ` · ${r.note}` : ''}</span>
            </button>
          </li>
        ))}
      </ul>
      <div class="policy-text">
        {failure ? <Failure error={failure} /> : null}
        {chosen === null ? <p class="muted pad">Choose a revision to see what going back to it would change.</p>
          : <RevisionDiff revision={chosen} present={present} onRollBack={() => void rollBack(chosen)} />}
      </div>
    </div>
  );
}

function RevisionDiff({ revision, present, onRollBack }: { revision: number; present: number; onRollBack: () => void }) {
  const { data, error } = useLoad(async (signal) => {
    const old = await get<Policy>(`/policy/revisions/${revision}`, signal);
    const { diff } = await (await request('/policy/diff', { method: 'POST', text: old.text, signal })).json() as { diff: string };
    return { old, diff };
  }, [revision, present]);

  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (revision === present) return <Editor text={data.old.text} messages={[]} goTo={null} readOnly onText={() => undefined} />;
  return (
    <>
      <div class="revision-head">
        <span>From revision {present} to the text of revision {revision}</span>
        <span class="spacer" />
        <button type="button" class="button" data-testid="policy-rollback" onClick={onRollBack}><Icon name="history" size={16} />Roll back to {revision}</button>
      </div>
      <Diff text={data.diff} />
    </>
  );
}
