// SPDX-License-Identifier: Apache-2.0
// The frame around all pages: who is signed in, navigation, the state of the connection.
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon, type IconName, Logo } from './core/icons';
import { incidents, startLive, status } from './core/live';
import { Link, location, match, navigate } from './core/router';
import { logout, restore, unreachable, user } from './core/session';
import { connection } from './core/stream';
import { theme, toggleTheme } from './core/theme';
import { Empty, Loading } from './core/ui';
import { AuditsPage } from './pages/audits';
import { DefendersPage } from './pages/defenders';
import { IncidentsPage } from './pages/incidents';
import { LoginPage } from './pages/login';
import { SettingsPage } from './pages/settings';
import { RadarPage } from './radar/page';

type Page = ComponentType<Record<string, string>>;

interface Route {
  path: string;
  title: string;
  icon?: IconName; // in the navigation
  page?: Page;
  load?: () => Promise<Page>; // fetched when first opened
}

const ROUTES: Route[] = [
  { path: '/', title: 'Radar', icon: 'radar', page: RadarPage as Page },
  { path: '/incidents', title: 'Incidents', icon: 'incident', page: IncidentsPage as Page },
  { path: '/audits', title: 'Audits', icon: 'audit', page: AuditsPage as Page },
  { path: '/access', title: 'Access', icon: 'access', load: () => import('./access/page').then((m) => m.AccessPage as Page) },
  { path: '/compliance', title: 'Compliance', icon: 'compliance', load: () => import('./compliance/page').then((m) => m.CompliancePage as Page) },
  { path: '/policy', title: 'Policy', icon: 'policy', load: () => import('./policy/page').then((m) => m.PolicyPage as Page) },
  { path: '/defenders', title: 'Defenders', icon: 'defender', page: DefendersPage as Page },
  { path: '/settings', title: 'Settings', icon: 'settings', page: SettingsPage as Page },
  { path: '/forensics/:container', title: 'Forensics', load: () => import('./forensics/page').then((m) => m.ForensicsPage as unknown as Page) },
];

export function App() {
  const path = location.value.path;
  const who = user.value;

  useEffect(() => {
    void restore();
  }, []);
  useEffect(() => {
    if (who === null && path !== '/login') navigate(`/login${path === '/' ? '' : `?to=${encodeURIComponent(path)}`}`, true);
    if (who && path === '/login') navigate(safeTarget(location.value.query.get('to')), true);
  }, [who, path]);
  useEffect(() => (who ? startLive() : undefined), [who?.user]);

  if (unreachable.value && !who)
    return <main class="login"><Empty icon="incident" title="The Console cannot be reached"><button type="button" class="button" onClick={() => void restore()}>Try again</button></Empty></main>;
  if (who === undefined) return <Loading />;
  if (who === null) return <LoginPage />;
  return (
    <div class="frame">
      <Nav path={path} />
      <main class="main">
        <ConnectionNote />
        <CurrentPage path={path} />
      </main>
    </div>
  );
}

// Only pages of our own: "//elsewhere" is not one.
function safeTarget(to: string | null): string {
  return to && /^\/(?!\/)/.test(to) ? to : '/';
}

function CurrentPage({ path }: { path: string }) {
  const [pages, setPages] = useState<Record<string, Page>>({});
  const route = ROUTES.find((r) => match(r.path, path));
  const Found = route?.page ?? (route ? pages[route.path] : undefined);

  useEffect(() => {
    document.title = route ? `${route.title} · Seawall` : 'Seawall';
    if (route?.load && !Found) void route.load().then((page) => setPages((p) => ({ ...p, [route.path]: page })));
  }, [route, Found]);
  if (!route && path !== '/login')
    return <section class="page"><Empty icon="search" title="There is no such page"><Link href="/" class="button">To the Radar</Link></Empty></section>;
  if (!route || !Found) return <Loading />;
  return <Found {...match(route.path, path)} />;
}

function Nav({ path }: { path: string }) {
  const open = incidents.value.filter((i) => i.state === 'open').length;
  const ready = status.value?.ready;

  return (
    <nav class="nav" aria-label="Pages">
      <Link href="/" class="brand" aria-label="Seawall"><Logo /><span>Seawall</span></Link>
      {ROUTES.filter((r) => r.icon).map((r) => (
        <Link key={r.path} href={r.path} aria-label={r.path === '/incidents' && open > 0 ? `${r.title}, ${open} open` : r.title} class={r.path === path ? 'current' : ''} aria-current={r.path === path ? 'page' : undefined} title={r.title}>
          <Icon name={r.icon as IconName} size={20} />
          <span>{r.title}</span>
          {r.path === '/incidents' && open > 0 && <span class="bubble" aria-label={`${open} open`}>{open > 99 ? '99+' : open}</span>}
          {r.path === '/defenders' && ready === false && <span class="bubble" aria-label="not enforcing">!</span>}
        </Link>
      ))}
      <span class="spacer" />
      <button type="button" data-testid="theme" onClick={toggleTheme} aria-label="Change theme" title={theme.value === 'dark' ? 'Light theme' : 'Dark theme'}>
        <Icon name={theme.value === 'dark' ? 'sun' : 'moon'} size={20} /><span>{theme.value === 'dark' ? 'Light' : 'Dark'}</span>
      </button>
      <button type="button" data-testid="logout" aria-label="Sign out" onClick={() => void logout()} title={`Sign out ${user.value?.user ?? ''}`}>
        <Icon name="logout" size={20} /><span>Sign out</span>
      </button>
      <footer><a href="https://db-ip.com" target="_blank" rel="noreferrer noopener">IP Geolocation by DB-IP</a></footer>
    </nav>
  );
}

function ConnectionNote() {
  const state = connection.value;

  return (
    <div class={`connection ${state}`} data-testid="connection" data-state={state} role="status">
      {state === 'lost' && <><span class="spinner" />Disconnected from the Console. What you see is not live; trying again…</>}
    </div>
  );
}
