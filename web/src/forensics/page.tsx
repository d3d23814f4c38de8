// SPDX-License-Identifier: Apache-2.0
// The microscope: second by second what happened in one container, also before the alarm and after
// the container is gone.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { get, Problem, query } from '../core/api';
import { baseName, bytes, calledAs, clock, commandLine, count, countryName, day, endpoint, fraction, plural, shortId, shortImage } from '../core/format';
import { Icon, type IconName } from '../core/icons';
import { recentAudits } from '../core/live';
import { Link, navigate } from '../core/router';
import type { Container, FlightEvent, Page } from '../core/types';
import { EffectTag, Empty, Failure, Loading, saveFile, StateTag, useLoad } from '../core/ui';
import { bySecond, CATEGORY, type Category, type EventFilter, filterEvents, histogram, processTree, type ProcessNode } from './story';
import { Strip } from './strip';

const PAGE = 1000;
const MAX_EVENTS = 20000;
const REFRESH_MS = 2000;
const REFRESH_MS_PER_ENTRY = 3; // long recordings are asked for less often
const ROWS = 1500; // drawn at once; more on demand
const BARS = 120;
const CATEGORIES: [Category, string, IconName][] = [
  ['process', 'Processes', 'process'], ['network', 'Connections', 'connect'], ['audit', 'Audits', 'incident'],
  ['container', 'Container', 'container'], ['gap', 'Gaps', 'gap'],
];

async function fetchAll(container: string, signal: AbortSignal): Promise<{ items: FlightEvent[]; more: boolean }> {
  const items: FlightEvent[] = [];
  let cursor: string | null = null;

  do {
    const page: Page<FlightEvent> = await get(`/forensics/${encodeURIComponent(container)}${query({ limit: PAGE, cursor })}`, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < MAX_EVENTS);
  items.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : a.seq - b.seq));
  return { items, more: cursor !== null };
}

export function ForensicsPage({ container }: { container: string }) {
  const [tick, setTick] = useState(0);
  const { data, error, reload } = useLoad((signal) => fetchAll(container, signal), [container, tick]);
  const about = useLoad((signal) => get<Container>(`/containers/${encodeURIComponent(container)}`, signal), [container, tick]);
  const [filter, setFilter] = useState<EventFilter>({ categories: new Set(CATEGORIES.map(([c]) => c)), search: '', from: null, to: null, process: null });
  const [chosen, setChosen] = useState<string | null>(null); // key of a process
  const [rows, setRows] = useState(ROWS);
  const events = useMemo(() => data?.items ?? [], [data]);
  const { roots, byEvent } = useMemo(() => processTree(events), [events]);
  const process = useMemo(() => find(roots, chosen), [roots, chosen]);
  const shown = useMemo(() => filterEvents(events, { ...filter, process }, byEvent), [events, filter, process, byEvent]);
  const bars = useMemo(() => histogram(events, BARS), [events]);
  const alarms = useMemo(() => events.filter((e) => e.type === 'audit'), [events]);
  const running = about.data?.state === 'running';
  const newest = recentAudits.value.find((a) => a.container.id === about.data?.id)?.id;

  // While it runs, and when it was just judged, the recorder has more to say.
  useEffect(() => {
    if (!running) return undefined;
    const timer = window.setTimeout(() => setTick((t) => t + 1), REFRESH_MS + events.length * REFRESH_MS_PER_ENTRY);
    return () => window.clearTimeout(timer);
  }, [running, events]);
  useEffect(() => {
    if (newest) setTick((t) => t + 1);
  }, [newest]);

  const toggle = (c: Category) => {
    const categories = new Set(filter.categories);
    if (!categories.delete(c)) categories.add(c);
    setFilter({ ...filter, categories });
  };
  const missing = error instanceof Problem && error.status === 404;
  return (
    <section class="page full forensics" data-testid="forensics" data-events={events.length}>
      <header class="page-head">
        <div>
          <p class="muted crumb"><Link href="/">Radar</Link> / microscope</p>
          <h1>{about.data?.name ?? events.find((e) => e.container_name)?.container_name ?? shortId(container)}</h1>
          <p class="muted inline">
            {about.data && <StateTag state={about.data.state} />}
            <span class="mono">{shortImage(about.data?.image ?? events[0]?.image)}</span>
            {events.length > 0 && <span>{day(events[0].time)}, {clock(events[0].time)} to {clock(events[events.length - 1].time)}, {plural(events.length, 'entry', 'entries')}</span>}
          </p>
        </div>
        <div class="filters">
          <input type="search" placeholder="Search path, argument, address, pid" aria-label="Search the timeline" data-testid="forensics-search"
            value={filter.search} onInput={(e) => setFilter({ ...filter, search: e.currentTarget.value })} />
          <button type="button" class="button" disabled={events.length === 0} data-testid="forensics-export"
            onClick={() => saveFile(`forensics-${shortId(container)}.jsonl`, events.map((e) => JSON.stringify(e)).join('\n') + '\n', 'application/jsonl')}>
            <Icon name="download" size={16} />Export
          </button>
        </div>
      </header>
      {about.data?.blocked_reason && <div class="notice bad"><Icon name="blocked" /><span>{about.data.blocked_reason}</span></div>}
      {error && !missing ? <Failure error={error} retry={reload} /> : null}
      {!data && !error && <Loading />}
      {(missing || (data && events.length === 0)) && (
        <Empty icon="microscope" title="The flight recorder has nothing of this container">
          It keeps the newest entries of all containers in a fixed space; old ones make room.
        </Empty>
      )}
      {events.length > 0 && (
        <>
          <Strip bars={bars} alarms={alarms} from={filter.from} to={filter.to} onRange={(from, to) => setFilter({ ...filter, from, to })} />
          <div class="chips">
            {CATEGORIES.map(([c, text, icon]) => (
              <button key={c} type="button" class={`chip-toggle cat-${c}`} aria-pressed={filter.categories.has(c)} data-testid={`forensics-filter-${c}`} onClick={() => toggle(c)}>
                <Icon name={icon} size={14} />{text} <span class="muted">{count(events.filter((e) => (CATEGORY[e.type] ?? 'process') === c).length)}</span>
              </button>
            ))}
            {process && <button type="button" class="chip-toggle" aria-pressed="true" onClick={() => setChosen(null)}><Icon name="close" size={13} />{baseName(process.path)} (pid {process.pid}) and below</button>}
            {filter.from !== null && <button type="button" class="chip-toggle" aria-pressed="true" onClick={() => setFilter({ ...filter, from: null, to: null })}><Icon name="close" size={13} />chosen time</button>}
            <span class="spacer" />
            <span class="muted">{shown.length === events.length ? '' : `${count(shown.length)} of ${count(events.length)}`}</span>
          </div>
          <div class="forensics-columns">
            <div class="tree" role="tree" aria-label="Processes" data-testid="forensics-tree">
              {roots.map((n) => <TreeNode key={n.key} node={n} chosen={chosen} depth={0} onChoose={(k) => setChosen(k === chosen ? null : k)} />)}
            </div>
            <Timeline events={shown.slice(0, rows)} />
          </div>
          {shown.length > rows && <p class="centered"><button type="button" class="button" onClick={() => setRows(rows + ROWS)}>Show more</button></p>}
          {data?.more && <p class="muted centered">Only the first {count(MAX_EVENTS)} entries are shown; the command line has all: seawall forensics {shortId(container)}</p>}
        </>
      )}
    </section>
  );
}

function find(roots: ProcessNode[], key: string | null): ProcessNode | null {
  if (key === null) return null;
  for (const n of roots) {
    const hit = n.key === key ? n : find(n.children, key);
    if (hit) return hit;
  }
  return null;
}

function ending(n: ProcessNode): string {
  if (!n.ended) return '';
  return n.exitSignal ? `killed by signal ${n.exitSignal}` : `exit ${n.exitCode}`;
}

interface TreeProps {
  node: ProcessNode;
  chosen: string | null;
  depth: number;
  onChoose: (key: string) => void;
}

function TreeNode({ node: n, chosen, depth, onChoose }: TreeProps) {
  return (
    <>
      <button type="button" role="treeitem" aria-level={depth + 1} aria-selected={chosen === n.key} data-testid="forensics-process" data-pid={n.pid} data-path={n.path ?? ''}
        class={`tree-node ${n.ended ? 'ended' : ''} ${n.worst ? `effect-${n.worst}` : ''}`} style={{ paddingLeft: `${12 + Math.min(depth, 12) * 16}px` }}
        title={commandLine(n.path, n.args)} onClick={() => onChoose(n.key)}>
        <span class="tree-line">
          {n.worst && <Icon name={n.worst === 'block' ? 'blocked' : 'incident'} size={14} />}
          {n.path ? <strong>{baseName(n.path)}</strong> : <em class="muted">no program yet</em>}
          <span class="muted">{calledAs(n.path, n.args)} {n.pid}{n.user ? ` ${n.user}` : ''}</span>
          {n.connections > 0 && <span class="muted inline"><Icon name="connect" size={12} />{n.connections}</span>}
        </span>
        <span class="muted small">{clock(n.began)}{n.ended ? `, ${ending(n)}` : ''}</span>
      </button>
      {n.children.map((c) => <TreeNode key={c.key} node={c} chosen={chosen} depth={depth + 1} onChoose={onChoose} />)}
    </>
  );
}

function Timeline({ events }: { events: FlightEvent[] }) {
  if (events.length === 0) return <Empty icon="search" title="Nothing matches">Loosen the filters above.</Empty>;
  return (
    <div class="timeline" data-testid="forensics-timeline">
      {bySecond(events).map((s) => (
        <section key={s.key} class="second" data-testid="forensics-second" data-time={s.key}>
          <h3>{clock(s.time)}</h3>
          <ol>{s.events.map((e) => <Entry key={e.seq} e={e} />)}</ol>
        </section>
      ))}
    </div>
  );
}

const ICONS: Record<string, IconName> = {
  create: 'plus', start: 'exec', stop: 'exit', remove: 'trash', fork: 'fork', exec: 'process', exit: 'exit',
  connect: 'connect', accept: 'accept', listen: 'listen', close: 'close', audit: 'incident', gap: 'gap',
};

function Entry({ e }: { e: FlightEvent }) {
  const effect = e.done && e.done !== '' ? e.done : e.effect;

  return (
    <li class={`entry cat-${CATEGORY[e.type] ?? 'process'} ${e.type === 'audit' ? `effect-${e.effect}` : ''}`} data-testid="forensics-event" data-type={e.type} data-pid={e.pid}>
      <span class="entry-time mono">{fraction(e.time)}</span>
      <span class="entry-icon"><Icon name={e.type === 'audit' && e.effect === 'block' ? 'blocked' : (ICONS[e.type] ?? 'info')} size={15} /></span>
      <span class="entry-text"><EntryText e={e} />{e.count > 1 && <span class="tag plain">{count(e.count)}×</span>}</span>
      <span class="entry-side">
        {e.type === 'audit' && <EffectTag effect={effect} asked={e.effect} />}
        {e.pid > 0 && <span class="muted mono">{e.pid}</span>}
      </span>
    </li>
  );
}

function Peer({ e }: { e: FlightEvent }) {
  return (
    <>
      <span class="mono">{endpoint(e.address, e.port)}</span> <span class="muted">{e.proto}{e.country ? `, ${countryName(e.country)}` : ''}{e.domain ? `, ${e.domain}` : ''}
        {e.bytes_sent + e.bytes_received > 0 ? `, ${bytes(e.bytes_sent)} sent, ${bytes(e.bytes_received)} received` : ''}</span>
    </>
  );
}

function EntryText({ e }: { e: FlightEvent }) {
  const who = e.path ? baseName(e.path) : 'A process without a program';

  switch (e.type) {
    case 'create': return <>Container created</>;
    case 'start': return <>Container started</>;
    case 'stop': return <>Container stopped, exit code {e.exit_code}</>;
    case 'remove': return <>Container removed</>;
    case 'fork': return <><span class="muted">process forked by pid {e.ppid}</span></>;
    case 'exec': return <><strong>{who}</strong> <code>{commandLine(e.path, e.args)}{e.args_truncated ? ' …' : ''}</code>{e.user ? <span class="muted"> as {e.user}</span> : null}</>;
    case 'exit': return <><strong>{who}</strong> <span class="muted">{e.exit_signal ? `killed by signal ${e.exit_signal}` : `exited with ${e.exit_code}`}</span></>;
    case 'connect': return <><strong>{who}</strong> connects to <Peer e={e} /></>;
    case 'accept': return <><strong>{who}</strong> accepts from <Peer e={e} /></>;
    case 'listen': return <><strong>{who}</strong> listens on <Peer e={e} /></>;
    case 'close': return <><strong>{who}</strong> closes <Peer e={e} /></>;
    case 'audit': return (
      <button type="button" class="entry-audit" onClick={() => navigate(`/audits?container=${encodeURIComponent(e.container_name ?? e.container ?? '')}`)}>{e.message}</button>
    );
    case 'gap': return <span class="warn">Not everything was seen here{e.message ? `: ${e.message}` : ''}</span>;
    default: return <>{e.type} {e.message}</>;
  }
}
