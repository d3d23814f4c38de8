// SPDX-License-Identifier: Apache-2.0
// The YAML editor: a plain text area over a coloured copy of its text, with line numbers and marks at
// the place of each message. No library: what is typed is what is sent.
import { useEffect, useRef } from 'preact/hooks';
import type { PolicyMessage } from '../core/types';

const COLOUR_LIMIT = 200_000; // characters; beyond, plain text is fast enough and colours are not

type Piece = [string, string];

// One line in coloured pieces. Good enough for a policy, and never wrong about its characters.
export function pieces(line: string): Piece[] {
  const out: Piece[] = [];
  const pattern = /(#.*$)|("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|([\w.*/-]+)(?=\s*:(?:\s|$))|\b(disable|alert|prevent|block|true|false|null)\b|(-?\b\d+(?:\.\d+)?\b)/g;
  const kinds = ['comment', 'string', 'key', 'word', 'number'];
  let at = 0;

  for (const m of line.matchAll(pattern)) {
    // A hash is a comment only at the start or after a space.
    if (m[1] && m.index > 0 && !/\s/.test(line[m.index - 1])) continue;
    if (m.index > at) out.push(['', line.slice(at, m.index)]);
    out.push([kinds[m.slice(1).findIndex(Boolean)], m[0]]);
    at = m.index + m[0].length;
  }
  if (at < line.length) out.push(['', line.slice(at)]);
  return out;
}

interface Props {
  text: string;
  messages: PolicyMessage[];
  goTo: { line: number; column: number; tick: number } | null;
  readOnly?: boolean;
  onText: (text: string) => void;
}

export function Editor({ text, messages, goTo, readOnly = false, onText }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const lines = text.split('\n');
  const coloured = text.length < COLOUR_LIMIT;
  const marks = new Map<number, PolicyMessage[]>();

  for (const m of messages) marks.set(m.line, [...(marks.get(m.line) ?? []), m]);
  useEffect(() => {
    const el = area.current;
    if (!goTo || !el) return;
    const start = lines.slice(0, goTo.line - 1).reduce((n, l) => n + l.length + 1, 0) + Math.max(0, goTo.column - 1);
    el.focus({ preventScroll: true });
    el.setSelectionRange(start, start);
    box.current?.querySelectorAll('.code-line')[goTo.line - 1]?.scrollIntoView({ block: 'center' });
  }, [goTo?.tick]);
  const onKey = (e: KeyboardEvent) => {
    const el = area.current;
    if (e.key !== 'Tab' || e.shiftKey || !el || readOnly) return;
    e.preventDefault();
    el.setRangeText('  ', el.selectionStart, el.selectionEnd, 'end');
    onText(el.value);
  };

  return (
    <div class="editor" ref={box}>
      <div class="gutter" aria-hidden="true">
        {lines.map((_, i) => {
          const here = marks.get(i + 1);
          const level = here?.some((m) => m.level === 'error') ? 'error' : here ? 'warning' : '';
          return <div key={i} class={level} title={here?.map((m) => m.message).join('\n')}>{i + 1}</div>;
        })}
      </div>
      <div class="code">
        <pre aria-hidden="true">
          {lines.map((l, i) => (
            <div key={i} class={`code-line ${marks.get(i + 1)?.some((m) => m.level === 'error') ? 'error' : ''}`}>
              {marks.get(i + 1)?.map((m, n) => <span key={n} class={`caret ${m.level}`} style={{ left: `${Math.max(0, m.column - 1)}ch` }} />)}
              {coloured ? pieces(l).map(([kind, s], n) => (kind ? <span key={n} class={`y-${kind}`}>{s}</span> : s)) : l}
              {l === '' ? ' ' : ''}
            </div>
          ))}
        </pre>
        <textarea ref={area} data-testid="policy-yaml" aria-label="Policy as YAML" spellcheck={false} autocomplete="off"
          autocapitalize="off" wrap="off" value={text} readOnly={readOnly} onKeyDown={onKey} onInput={(e) => onText(e.currentTarget.value)} />
      </div>
    </div>
  );
}

export function Diff({ text }: { text: string }) {
  if (!text.trim()) return <p class="muted pad">No difference.</p>;
  return (
    <pre class="diff" data-testid="policy-diff">
      {text.split('\n').map((l, i) => {
        const kind = l.startsWith('+++') || l.startsWith('---') ? 'file' : l[0] === '+' ? 'plus' : l[0] === '-' ? 'minus' : l.startsWith('@@') ? 'at' : '';
        return <div key={i} class={kind}>{l || ' '}</div>;
      })}
    </pre>
  );
}
