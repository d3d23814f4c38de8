// SPDX-License-Identifier: Apache-2.0
// The icons: 24-pixel outlines of one stroke width, drawn for this UI.
import type { JSX } from 'preact';

const PATHS = {
  radar: 'M12 21a9 9 0 1 1 9-9M12 16.5a4.5 4.5 0 1 1 4.5-4.5M12 12l6-6M12 12h.01',
  incident: 'M12 4 2.8 19.5h18.4L12 4ZM12 10v4.5M12 17.2h.01',
  audit: 'M8 4h8M6 3.5h12a1.5 1.5 0 0 1 1.5 1.5v14a1.5 1.5 0 0 1-1.5 1.5H6A1.5 1.5 0 0 1 4.5 19V5A1.5 1.5 0 0 1 6 3.5ZM8.5 9h7M8.5 12.5h7M8.5 16h4',
  policy: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.8v4.4M9 14.8v4.4M15 7a.01.01 0 1 0 0 .01',
  defender: 'M12 3.2 19 6v5.5c0 4.5-2.8 7.7-7 9.3-4.2-1.6-7-4.8-7-9.3V6l7-2.8ZM9 11.8l2.2 2.2 4-4.2',
  shield: 'M12 3.2 19 6v5.5c0 4.5-2.8 7.7-7 9.3-4.2-1.6-7-4.8-7-9.3V6l7-2.8Z',
  blocked: 'M12 3.2 19 6v5.5c0 4.5-2.8 7.7-7 9.3-4.2-1.6-7-4.8-7-9.3V6l7-2.8ZM9.3 9.3l5.4 5.4M14.7 9.3l-5.4 5.4',
  settings: 'M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM12 2.8v2.7M12 18.5v2.7M2.8 12h2.7M18.5 12h2.7M5.5 5.5l1.9 1.9M16.6 16.6l1.9 1.9M5.5 18.5l1.9-1.9M16.6 7.4l1.9-1.9',
  image: 'M12 3.5 3.5 8l8.5 4.5L20.5 8 12 3.5ZM3.5 12.2 12 16.7l8.5-4.5M3.5 16.3 12 20.8l8.5-4.5',
  container: 'M12 3 20 7.3v9.4L12 21l-8-4.3V7.3L12 3ZM4 7.3l8 4.4 8-4.4M12 11.7V21',
  internet: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3 12h18M12 3c2.6 2.6 3.8 5.6 3.8 9s-1.2 6.4-3.8 9c-2.6-2.6-3.8-5.6-3.8-9S9.4 5.6 12 3Z',
  host: 'M4 4.5h16v6H4ZM4 13.5h16v6H4ZM7.5 7.5h.01M7.5 16.5h.01M11 7.5h5M11 16.5h5',
  service: 'M12 8.5v-4M12 8.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM9 14l-4.5 4M15 14l4.5 4',
  process: 'M4 5h16v14H4ZM7.5 9.5 10 12l-2.5 2.5M12.5 14.5h4',
  connect: 'M4 12h15M13.5 6.5 19 12l-5.5 5.5',
  accept: 'M20 12H5M10.5 6.5 5 12l5.5 5.5',
  listen: 'M12 20v-8M8 15.5a5.5 5.5 0 1 1 8 0M5 18a9.5 9.5 0 1 1 14 0',
  exec: 'M8 5.5v13l10-6.5-10-6.5Z',
  exit: 'M7 7h10v10H7Z',
  fork: 'M7 4v16M7 12h6a4 4 0 0 0 4-4V4M14 6.5 17 3.5l3 3',
  gap: 'M4 12h3M10.5 12h3M17 12h3',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.5 4.5',
  sun: 'M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5Z',
  logout: 'M14 4.5H5.5v15H14M10 12h10M16.5 8.5 20 12l-3.5 3.5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5 10 17.5 19.5 7',
  filter: 'M4 5.5h16L14 13v6l-4-2v-4L4 5.5Z',
  download: 'M12 4v11M7.5 11 12 15.5 16.5 11M4.5 19.5h15',
  microscope: 'M9 3.5h4v9H9ZM11 12.5V15M6 20h12M6 15.5h9M16 20a6.5 6.5 0 0 0-1-12.5',
  up: 'M12 19V5M6 11l6-6 6 6',
  down: 'M12 5v14M6 13l6 6 6-6',
  right: 'M9 5.5 15.5 12 9 18.5',
  trash: 'M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7',
  history: 'M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5M12 8v4.5l3 2',
  pause: 'M9 6v12M15 6v12',
  info: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8h.01',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.5l3.5 2',
  learning: 'M12 5 2.5 9.5 12 14l9.5-4.5L12 5ZM6.5 12v4.5c3.5 2.5 7.5 2.5 11 0V12',
  lock: 'M6 11h12v9H6ZM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  refused: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM5.7 5.7l12.6 12.6',
  access: 'M8 15.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 11.5h8.5v3.5M17 11.5v2.5',
  compliance: 'M4 6.5l1.5 1.5L8.5 5M4 12.5l1.5 1.5 3-3M4 18.5l1.5 1.5 3-3M12 6.5h8M12 12.5h8M12 18.5h8',
  seal: 'M12 3l2.3 1.8 2.9-.2.9 2.8 2.4 1.7-1 2.8 1 2.8-2.4 1.7-.9 2.8-2.9-.2L12 21l-2.3-2-2.9.2-.9-2.8-2.4-1.7 1-2.8-1-2.8 2.4-1.7.9-2.8 2.9.2L12 3ZM8.8 12l2.3 2.3 4.2-4.4',
  unsealed: 'M12 3l2.3 1.8 2.9-.2.9 2.8 2.4 1.7-1 2.8 1 2.8-2.4 1.7-.9 2.8-2.9-.2L12 21l-2.3-2-2.9.2-.9-2.8-2.4-1.7 1-2.8-1-2.8 2.4-1.7.9-2.8 2.9.2L12 3ZM9.3 9.3l5.4 5.4M14.7 9.3l-5.4 5.4',
  mend: 'M14.5 6.5a4 4 0 0 1 5-1l-2.7 2.7 1.5 1.5L21 7a4 4 0 0 1-5.3 5L8.5 19.2a2 2 0 0 1-2.8-2.8L13 9.2a4 4 0 0 1 1.5-2.7Z',
  file: 'M7 3.5h7l4 4v13H7ZM14 3.5v4h4',
} as const;

export type IconName = keyof typeof PATHS;

type Props = { name: IconName; size?: number } & Omit<JSX.IntrinsicElements['svg'], 'size' | 'name'>;

export function Icon({ name, size = 18, ...rest }: Props) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor"
      stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {...rest}>
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo({ size = 30 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path d="M16 3l11 4v8.6c0 6.8-4.5 11.6-11 13.9C9.5 27.2 5 22.4 5 15.6V7z" fill="var(--accent)" />
      <path d="M5.4 18c2.7-2.3 4.4-2.3 7.1 0s4.3 2.3 7 0 4.4-2.3 7.1 0c-1 5.3-5 9.4-10.6 11.5C10.4 27.4 6.4 23.3 5.4 18z"
        fill="var(--bg)" opacity=".55" />
    </svg>
  );
}
