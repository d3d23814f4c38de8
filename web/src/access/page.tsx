// SPDX-License-Identifier: Apache-2.0
// The commands that a container engine was given, newest first, live: who, what, with what, and the verdict.
import { useMemo } from 'preact/hooks';
import { get, query } from '../core/api';
import { type AccessFilter, commandOf, matchesAccess, newestFirst, userOf } from '../core/commands';
import { FilterChoice, FilterInput, filterOf } from '../core/filters';
import { count, plural } from '../core/format';
import { generation, recentCommands } from '../core/live';
import { useBackwards } from '../core/paging';
import { navigate } from '../core/router';
import type { Audit, Page } from '../core/types';
import { Command, Empty, Failure, Loading, Time } from '../core/ui';
import { CommandTable } from './table';

const WANT = 100; // rows shown at a time
const PAGE = 500; // audits looked at with one request
const VERDICTS = [['', 'All'], ['allow', 'Allowed'], ['alert', 'Alerted'], ['deny', 'Denied']] as const;

function readFilter(): AccessFilter {
  return { user: filterOf('user'), action: filterOf('action'), target: filterOf('target'), verdict: filterOf('verdict') };
}

export function AccessPage() {
  const filter = readFilter();
  const filtered = Object.values(filter).some(Boolean);
  const page = filtered ? PAGE : WANT;
  const log = useBackwards((cursor, signal) => get<Page<Audit>>(`/audits${query({ kind: 'access', limit: page, cursor })}`, signal),
    (a) => matchesAccess(a, filter), WANT, [JSON.stringify(filter), generation.value]);
  const live = recentCommands.value;
  const rows = newestFirst([...log.items, ...live]).filter((a) => matchesAccess(a, filter));
  const known = useMemo(() => suggestions([...log.items, ...live]), [log.items, live]);
  const last = log.items[log.items.length - 1];

  return (
    <section class="page access" data-testid="access">
      <header class="page-head">
        <div><h1>Access</h1><p class="muted">Every command that was given to the container engine, and what the rules said to it.</p></div>
        <div class="filters">
          <FilterInput name="user" placeholder="User or group" values={known.users} />
          <FilterInput name="action" placeholder="Action" values={known.actions} />
          <FilterInput name="target" placeholder="Container, image, …" />
          <FilterChoice name="verdict" label="Verdict" values={VERDICTS} />
        </div>
      </header>
      {log.error ? <Failure error={log.error} retry={log.reload} /> : null}
      {!log.loaded && !log.error && <Loading />}
      {log.loaded && rows.length === 0 && (filtered ? <NoMatch looked={log.looked} more={log.next !== null} /> : <HowToSwitchOn />)}
      {rows.length > 0 && <CommandTable rows={rows} />}
      {log.next !== null && (
        <p class="centered">
          <button type="button" class="button" data-testid="access-older" disabled={log.busy} onClick={log.more}>
            {log.busy ? 'Looking…' : filtered ? 'Look further back' : 'Older commands'}
          </button>
          {filtered && last && <span class="muted looked">{count(log.looked)} commands looked through, to <Time value={last.time} /></span>}
        </p>
      )}
    </section>
  );
}

function suggestions(audits: Audit[]): { users: string[]; actions: string[] } {
  const users = new Set<string>();
  const actions = new Set<string>();

  for (const c of audits.map(commandOf)) {
    users.add(userOf(c));
    for (const g of c.groups) users.add(g);
    if (c.action) actions.add(c.action);
  }
  return { users: [...users].sort(), actions: [...actions].sort() };
}

function NoMatch({ looked, more }: { looked: number; more: boolean }) {
  return (
    <Empty icon="search" title={`No command matches${looked ? ` of ${plural(looked, 'that was', 'that were')} looked through` : ''}`}>
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
