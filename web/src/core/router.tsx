// SPDX-License-Identifier: Apache-2.0
// A router for a handful of pages: the path is a signal, links push history.
import { signal } from '@preact/signals';
import type { ComponentChildren, JSX } from 'preact';

export const location = signal(read());

export interface Location {
  path: string;
  query: URLSearchParams;
}

function read(): Location {
  const { pathname, search } = window.location;

  return { path: pathname.replace(/(.)\/+$/, '$1'), query: new URLSearchParams(search) };
}

export function navigate(to: string, replace = false): void {
  if (replace) window.history.replaceState(null, '', to);
  else window.history.pushState(null, '', to);
  location.value = read();
}

window.addEventListener('popstate', () => {
  location.value = read();
});

// "/forensics/:container" against a path: its parameters, or null.
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/');
  const have = path.split('/');
  const found: Record<string, string> = {};

  if (want.length !== have.length) return null;
  for (let i = 0; i < want.length; i++) {
    if (want[i].startsWith(':')) found[want[i].slice(1)] = decodeURIComponent(have[i]);
    else if (want[i] !== have[i]) return null;
  }
  return found;
}

type LinkProps = Omit<JSX.IntrinsicElements['a'], 'href'> & { href: string; children?: ComponentChildren };

export function Link({ href, children, ...rest }: LinkProps) {
  const follow = (e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    e.preventDefault();
    navigate(href);
  };

  return <a href={href} onClick={follow} {...rest}>{children}</a>;
}
