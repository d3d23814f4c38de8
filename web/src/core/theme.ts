// SPDX-License-Identifier: Apache-2.0
// Light and dark: the system's choice until the user makes one.
import { effect, signal } from '@preact/signals';

export type Theme = 'dark' | 'light';

const KEY = 'seawall.theme';
const system = window.matchMedia('(prefers-color-scheme: light)');

function chosen(): Theme | null {
  const value = localStorage.getItem(KEY);

  return value === 'dark' || value === 'light' ? value : null;
}

export const theme = signal<Theme>(chosen() ?? (system.matches ? 'light' : 'dark'));

system.addEventListener('change', () => {
  if (!chosen()) theme.value = system.matches ? 'light' : 'dark';
});

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  localStorage.setItem(KEY, theme.value);
}

// A colour of the stylesheet, for what is drawn on canvas.
export function cssColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
