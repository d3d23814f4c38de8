// SPDX-License-Identifier: Apache-2.0
// The commands that a container engine was given, newest first, live: who, what, with what, and the verdict.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, query } from '../core/api';
import { type AccessFilter, accessQuery, commandOf, matchesAccess, newestFirst, userOf } from '../core/commands';
import { FilterChoice, FilterInput, filterOf } from '../core/filters';
import { freshCommands, generation, recentCommands } from '../core/live';
import { useBackwards, useWhenSeen } from '../core/paging';
import { navigate } from '../core/router';
import type { Audit, Page } from '../core/types';
import { Command, Empty, Failure, Loading } from '../core/ui';
import { CommandTable } from './table';

const PAGE = 100; // rows loaded at a time
const LOOKS = 20; // requests made for them: a search may find nothing in what one looks at
const LIVE_MAX = 2000; // live rows kept while the filter stays
const STARS = 'Part of the name; with a star where it begins or ends: container_exec_*';
const VERDICTS = [['', 'All'], ['allow', 'Allowed'], ['alert', 'Alerted'], ['deny', 'Denied']] as const;

function readFilter(): AccessFilter {
  return { user: filterOf('user'), action: filterOf('action'), text: filterOf('text'), verdict: filterOf('verdict') };
}

export function AccessPage() {
  const filter = readFilter();
  const filtered = Object.values(filter).some(Boolean);
  const key = `${generation.value} ${JSON.stringify(filter)}`;
  const log = useBackwards((cursor, signal) => get<Page<Audit>>(`/audits${query({ ...accessQuery(filter), limit: PAGE, cursor })}`, signal),
    (a) => a.kind === 'access', PAGE, [key], LOOKS);
  const live = useLive(filter, key);
  const rows = newestFirst([...log.items, ...live]);
  const known = useSuggestions(rows);
  const seen = useWhenSeen<HTMLParagraphElement>(() => !log.busy && log.more(), log.items.length, log.next !== null && log.items.length > 0);

  return (
    <section class="page access" data-testid="access">
      <header class="page-head">
        <div><h1>Access</h1><p class="muted">Every command that was given to the container engine, and what the rules said to it.</p></div>
        <div class="filters">
          <FilterInput name="user" placeholder="User" hint={STARS} values={known.users} />
          <FilterInput name="action" placeholder="Action" hint={STARS} values={known.actions} />
          <FilterInput name="text" placeholder="Container, image, group, …" />
          <FilterChoice name="verdict" label="Verdict" values={VERDICTS} />
          {filtered && rows.length > 0 && <button type="button" class="button" data-testid="filter-clear" onClick={() => navigate('/access', true)}>Clear</button>}
        </div>
      </header>
      {log.error ? <Failure error={log.error} retry={log.reload} /> : null}
      {!log.loaded && !log.error && <Loading />}
      {log.loaded && rows.length === 0 && (filtered ? <NoMatch more={log.next !== null} /> : <HowToSwitchOn />)}
      {rows.length > 0 && <CommandTable rows={rows} />}
      {log.next !== null && (
        <p class="centered" ref={seen}>
          <button type="button" class="button" data-testid="access-older" disabled={log.busy} onClick={log.more}>
            {log.busy ? 'Looking…' : rows.length > 0 ? 'Older commands' : 'Look further back'}
          </button>
        </p>
      )}
      {log.loaded && log.next === null && rows.length > PAGE && <p class="centered muted" data-testid="access-end">Nothing older is kept.</p>}
    </section>
  );
}

// Those of the stream that the filter keeps. What is recent in the stream is short and of all commands: here
// every frame is looked at, and what was shown stays until the filter changes.
function useLive(filter: AccessFilter, key: string): Audit[] {
  const [rows, setRows] = useState<Audit[]>([]);

  useEffect(() => {
    setRows(recentCommands.peek().filter((a) => matchesAccess(a, filter)));
    return freshCommands.subscribe((fresh) => {
      const found = fresh.filter((a) => matchesAccess(a, filter));
      if (found.length > 0) setRows((before) => newestFirst([...before, ...found]).slice(0, LIVE_MAX));
    });
  }, [key]);
  return rows.filter((a) => matchesAccess(a, filter)); // those of the filter before are there for one frame
}

// All that was seen since the page is open: a filter does not take back what else there is.
function useSuggestions(audits: Audit[]): { users: string[]; actions: string[] } {
  const known = useRef({ users: new Set<string>(), actions: new Set<string>() });

  for (const c of audits.map(commandOf)) {
    known.current.users.add(userOf(c));
    if (c.action) known.current.actions.add(c.action);
  }
  return { users: [...known.current.users].sort(), actions: [...known.current.actions].sort() };
}

function NoMatch({ more }: { more: boolean }) {
  return (
    <Empty icon="search" title={more ? 'No command of the newest matches' : 'No command matches'}>
      {more && <p>There are older ones: look further back below.</p>}
      <button type="button" class="button" onClick={() => navigate('/access', true)}>Remove the filters</button>
    </Empty>
  );
}

function HowToSwitchOn() {
  return (
    <div data-testid="access-empty">
      <Empty icon="access" title="No command was seen yet">
        <p>Seawall sees the commands of Docker once it is the engine's authorization plugin:</p>
        <Command text="seawall install authz" />
        <p class="gap">Users elsewhere come through the TLS proxy, each with a certificate of their own:</p>
        <Command text="seawall user cert alice --groups ops" />
      </Empty>
    </div>
  );
}
