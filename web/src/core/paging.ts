// SPDX-License-Identifier: Apache-2.0
// Lists that go back in time by a cursor.
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Page } from './types';

export interface Collected<T> {
  items: T[];
  next: string | null; // where to go on; null = there is nothing older
  looked: number; // at so many in all
}

// Goes back page by page until `want` are found that `keep` wants, or `pages` are through. What the Console
// does not filter by is looked for here, and a page of what it has to search for may be empty but not the last.
export async function collect<T>(load: (cursor: string | null) => Promise<Page<T>>, keep: (item: T) => boolean, want: number,
  cursor: string | null, pages = 6): Promise<Collected<T>> {
  const found: Collected<T> = { items: [], next: cursor, looked: 0 };

  for (let n = 0; n < pages; n++) {
    const page = await load(found.next);
    found.items.push(...page.items.filter(keep));
    found.looked += page.items.length;
    found.next = page.next;
    if (page.next === null || found.items.length >= want) break;
  }
  return found;
}

export interface Backwards<T> extends Collected<T> {
  loaded: boolean; // the first answer is there
  busy: boolean;
  error: unknown;
  more: () => void;
  reload: () => void;
}

const NOTHING = { items: [], next: null, looked: 0, loaded: false, busy: true, error: null };

// The newest `want` items that `keep` wants, and with more() the older ones; begins anew with `deps`.
export function useBackwards<T>(load: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>, keep: (item: T) => boolean,
  want: number, deps: unknown[], pages?: number): Backwards<T> {
  const [state, setState] = useState<Omit<Backwards<T>, 'more' | 'reload'>>(NOTHING);
  const [round, setRound] = useState(0);
  const abort = useRef(new AbortController());
  const go = (before: Collected<T>) => {
    const { signal } = abort.current;

    setState((s) => ({ ...s, busy: true, error: null }));
    collect((cursor) => load(cursor, signal), keep, want, before.next, pages).then(
      (found) => {
        if (!signal.aborted)
          setState({ items: [...before.items, ...found.items], next: found.next, looked: before.looked + found.looked, loaded: true, busy: false, error: null });
      },
      (error) => {
        if (!signal.aborted) setState((s) => ({ ...s, busy: false, error }));
      },
    );
  };

  useEffect(() => {
    abort.current = new AbortController();
    go({ items: [], next: null, looked: 0 });
    return () => abort.current.abort();
  }, [...deps, round]);
  return { ...state, more: () => go(state), reload: () => setRound((r) => r + 1) };
}

// Calls `more` when the element comes into sight, and again with another `round` (how much there is): what it
// brought may not fill the window. When it brought nothing it is not called again by itself.
export function useWhenSeen<E extends Element>(more: () => void, round: number, wanted: boolean): RefObject<E> {
  const element = useRef<E>(null);
  const call = useRef(more);

  call.current = more;
  useEffect(() => {
    if (!element.current || !wanted) return undefined;
    const watch = new IntersectionObserver((seen) => {
      if (seen.some((s) => s.isIntersecting)) call.current();
    }, { rootMargin: '300px' });
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [round, wanted]);
  return element;
}
