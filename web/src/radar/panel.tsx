// SPDX-License-Identifier: Apache-2.0
// The side panel: what is known of the selected node, in tabs.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { AuditRow } from '../pages/audit_row';
import { get, query } from '../core/api';
import { baseName, bytes, calledAs, commandLine, count, countryName, endpoint, shortId, shortImage, when } from '../core/format';
import { Icon, type IconName } from '../core/icons';
import { changedContainers, radar, radarVersion, recentAudits, status } from '../core/live';
import { Link } from '../core/router';
import type { Audit, Container, Edge, Page, Process, RadarEdge, RadarNode } from '../core/types';
import { EffectTag, Empty, Failure, Loading, SeverityTag, StateTag, TrustBadge, useLoad } from '../core/ui';
import { reasonText } from './overlay';
import { ContainerCommands, ContainerCompliance, FailedCounts, ImageTrust, Refused } from './panel_gates';
import { compareNodes, containerId, edgeEffect, isStopped, neighbours } from './state';

const PROCESSES_MS = 2000;

interface Props {
  id: string;
  onClose: () => void;
  onSelect: (id: string) => void;
  onReveal: (id: string) => void;
}

interface Tab {
  id: string;
  title: string;
  body: () => ComponentChildren;
}

export function Panel({ id, onClose, onSelect, onReveal }: Props) {
  void radarVersion.value;
  const node = radar.nodes.get(id);
  const [tab, setTab] = useState('overview');

  if (!node) return null;
  const tabs = node.kind !== 'container' ? placeTabs(node, onSelect) : node.state === 'refused' ? refusedTabs(node) : containerTabs(node, setTab);
  const current = tabs.find((t) => t.id === tab) ?? tabs[0];
  return (
    <aside class="panel" aria-label={`${node.kind} ${node.label}`} data-testid="radar-panel" data-id={id}
      onKeyDown={(e) => e.key === 'Escape' && onClose()}>
      <header>
        <span class={`panel-icon color-${isStopped(node.state) ? 'red' : (node.color ?? 'grey')}`}>
          <Icon name={isStopped(node.state) ? (node.state as IconName) : (node.kind as IconName)} size={22} />
        </span>
        <div>
          <h2>{node.country ? countryName(node.country) : node.kind === 'image' ? shortImage(node.label) : node.label}</h2>
          <p>{node.kind === 'internet' ? 'Internet' : node.kind}{node.parent ? ` of ${shortImage(radar.nodes.get(node.parent)?.label ?? node.parent)}` : ''}</p>
        </div>
        {node.kind === 'container' && node.state !== 'refused' && (
          <Link class="button small" href={`/forensics/${encodeURIComponent(containerId(id))}`} data-testid="panel-forensics">
            <Icon name="microscope" size={15} />Forensics
          </Link>
        )}
        <button type="button" class="button quiet" aria-label="Show on the map" title="Show on the map" onClick={() => onReveal(id)}><Icon name="fit" /></button>
        <button type="button" class="button quiet" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
      </header>
      <div class="tabs" role="tablist">
        {tabs.map((t) => (
          <button key={t.id} type="button" role="tab" aria-selected={t === current} data-testid={`panel-tab-${t.id}`} onClick={() => setTab(t.id)}>{t.title}</button>
        ))}
      </div>
      <div class="panel-body" role="tabpanel" key={`${id} ${current.id}`}>{current.body()}</div>
    </aside>
  );
}

function refusedTabs(node: RadarNode): Tab[] {
  return [{ id: 'overview', title: 'Refused', body: () => <Refused node={node} /> }];
}

function containerTabs(node: RadarNode, onTab: (tab: string) => void): Tab[] {
  const id = containerId(node.id);

  return [
    { id: 'overview', title: 'Overview', body: () => <Overview id={id} node={node} onTab={onTab} /> },
    { id: 'processes', title: 'Processes', body: () => <Processes id={id} running={node.state === 'running'} /> },
    { id: 'connections', title: 'Network', body: () => <Connections id={id} /> },
    { id: 'audits', title: 'Audits', body: () => <Audits id={id} /> },
    { id: 'compliance', title: 'Compliance', body: () => <ContainerCompliance id={id} /> },
    { id: 'commands', title: 'Commands', body: () => <ContainerCommands id={id} name={node.label} /> },
  ];
}

function placeTabs(node: RadarNode, onSelect: (id: string) => void): Tab[] {
  return [
    { id: 'overview', title: node.kind === 'image' ? 'Containers' : 'Overview', body: () => <Place node={node} onSelect={onSelect} /> },
    { id: 'connections', title: 'Connections', body: () => <RadarConnections node={node} /> },
  ];
}

export function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd>{children}</dd></div>;
}

// Reloads when the stream says that this container changed.
function useContainer(id: string) {
  const [tick, setTick] = useState(0);
  const change = changedContainers.value;

  useEffect(() => {
    if (change.id === id) setTick((t) => t + 1);
  }, [change]);
  return useLoad((signal) => get<Container>(`/containers/${encodeURIComponent(id)}`, signal), [id, tick]);
}

function Overview({ id, node, onTab }: { id: string; node: RadarNode; onTab: (tab: string) => void }) {
  const { data: c, error, reload } = useContainer(id);
  const reason = c?.blocked_reason ?? node.reason;

  if (!c) return error ? <Failure error={error} retry={reload} /> : <Loading />;
  return (
    <>
      {reason && (
        <div class="notice bad"><Icon name="blocked" /><span>{reasonText(reason)}</span></div>
      )}
      <dl class="facts">
        <Row name="State">
          <StateTag state={c.state} />
          {c.state === 'exited' && <span class="muted"> code {c.exit_code}</span>}
        </Row>
        <Row name="Rule in force">
          {c.rule ? <Link href="/policy">{c.rule}</Link> : <span class="warn">none matches: nothing is enforced here</span>}
        </Row>
        {c.worst && <Row name="Worst finding"><SeverityTag severity={c.worst} /></Row>}
        <Row name="Compliance"><button type="button" class="plain-link" onClick={() => onTab('compliance')}><FailedCounts id={id} /></button></Row>
        <Row name="Trust"><TrustBadge trusted={c.trusted} /></Row>
        <Row name="Image"><span class="mono" title={c.image ?? undefined}>{shortImage(c.image)}</span></Row>
        <Row name="Digest"><span class="mono" title={c.digest ?? undefined}>{shortId(c.digest) || '–'}</span></Row>
        <Row name="Container id"><span class="mono" title={c.id}>{shortId(c.id)}</span></Row>
        <Row name="Started">{when(c.started)}</Row>
        {c.finished && <Row name="Ended">{when(c.finished)}</Row>}
        <Row name="Runtime">{c.runtime ?? '–'}{c.pid ? <span class="muted"> pid {c.pid}</span> : null}</Row>
        {c.privileged && <Row name="Privileged"><span class="warn">yes</span></Row>}
        {c.restart_policy && <Row name="Restart policy">{c.restart_policy}</Row>}
        {c.addresses.length > 0 && <Row name="Addresses"><span class="mono">{c.addresses.join(', ')}</span></Row>}
        {c.networks.length > 0 && <Row name="Networks">{c.networks.join(', ')}</Row>}
        {c.pod && <Row name="Pod">{c.namespace ? `${c.namespace}/` : ''}{c.pod}</Row>}
        {c.compose_project && <Row name="Project">{c.compose_project}</Row>}
        <Row name="Host">{c.host ?? '–'}</Row>
        {Object.entries(c.labels).map(([k, v]) => <Row key={k} name={k}>{v}</Row>)}
      </dl>
    </>
  );
}

function Processes({ id, running }: { id: string; running: boolean }) {
  const [tick, setTick] = useState(0);
  const { data, error } = useLoad((signal) => get<Page<Process>>(`/containers/${encodeURIComponent(id)}/processes`, signal), [id, tick]);

  useEffect(() => {
    if (!running) return undefined;
    const timer = window.setInterval(() => setTick((t) => t + 1), PROCESSES_MS);
    return () => window.clearInterval(timer);
  }, [running]);
  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (data.items.length === 0)
    return <Empty icon="process" title="No process is running">The microscope still shows what ran: open Forensics.</Empty>;
  return (
    <ul class="rows">
      {byTree(data.items).map(({ process: p, depth }) => (
        <li key={`${p.pid} ${p.start}`} class="process" style={{ paddingLeft: `${14 + Math.min(depth, 8) * 16}px` }}>
          <div><strong>{baseName(p.path)}</strong> <span class="muted">{calledAs(p.path, p.args)} pid {p.pid}{p.user ? `, ${p.user}` : ''}</span></div>
          <code>{commandLine(p.path, p.args)}{p.args_truncated ? ' …' : ''}</code>
        </li>
      ))}
    </ul>
  );
}

// Parents before children, each with its depth.
export function byTree(items: Process[]): { process: Process; depth: number }[] {
  const known = new Set(items.map((p) => p.pid));
  const children = new Map<number, Process[]>();
  const out: { process: Process; depth: number }[] = [];
  const walk = (p: Process, depth: number) => {
    out.push({ process: p, depth });
    for (const c of children.get(p.pid) ?? []) if (c !== p) walk(c, depth + 1);
  };

  for (const p of items) children.set(p.ppid, [...(children.get(p.ppid) ?? []), p]);
  for (const p of items) if (!known.has(p.ppid) || p.ppid === p.pid) walk(p, 0);
  return out;
}

function Connections({ id }: { id: string }) {
  const version = Math.floor(radarVersion.value / 5); // not with each event
  const { data, error } = useLoad((signal) => get<Page<Edge>>(`/containers/${encodeURIComponent(id)}/connections`, signal), [id, version]);

  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (data.items.length === 0) return <Empty icon="connect" title="No connection seen yet" />;
  return (
    <ul class="rows">
      {data.items.map((e, i) => (
        <li key={i} class="connection">
          <Icon name={e.direction === 'inbound' ? 'accept' : e.direction === 'listen' ? 'listen' : 'connect'} />
          <div>
            <div class="mono"><strong>{endpoint(e.address, e.port)}</strong> <span class="muted">{e.proto}</span></div>
            <div class="muted">
              {baseName(e.process)} · {e.direction}{e.country ? ` · ${countryName(e.country)}` : ''}{e.domain ? ` · ${e.domain}` : ''}
            </div>
          </div>
          <div class="right">
            <EffectTag effect={edgeEffect(e.effect)} />
            <div class="muted">{count(e.count)}× · {bytes(e.bytes_sent + e.bytes_received)}</div>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Audits({ id }: { id: string }) {
  const newest = recentAudits.value.find((a) => a.container.id === id);
  const { data, error } = useLoad((signal) => get<Page<Audit>>(`/audits${query({ container: id, limit: 50 })}`, signal), [id, newest?.id, newest?.count]);

  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (data.items.length === 0) return <Empty icon="shield" title="Nothing to report">No rule was broken by this container.</Empty>;
  return <ul class="rows">{data.items.map((a) => <AuditRow key={a.id} audit={a} />)}</ul>;
}

function Place({ node, onSelect }: { node: RadarNode; onSelect: (id: string) => void }) {
  const children = [...radar.nodes.values()].filter((n) => n.parent === node.id).sort(compareNodes);
  const edges = neighbours(radar, node.id);
  const others = [...new Set(edges.map((e) => (e.from === node.id ? e.to : e.from)))]
    .map((id) => radar.nodes.get(id)).filter((n): n is RadarNode => Boolean(n));
  const list = node.kind === 'image' ? children : others;
  const ran = children.find((n) => n.state !== 'refused');

  return (
    <>
      {node.kind === 'image' && <p class="mono wrap muted">{node.id.replace(/^image:/, '')}</p>}
      {node.kind === 'image' && ran && <p class="place-trust"><ImageTrust container={containerId(ran.id)} /></p>}
      {node.reason && node.kind === 'host' && <div class="notice bad"><Icon name="compliance" /><span>{node.reason} <Link href="/compliance?severity=critical">All critical findings</Link></span></div>}
      {node.kind === 'host' && (
        <p class="muted">Kernel {status.value?.kernel ?? '–'}. <Link href="/defenders">How it is protected</Link></p>
      )}
      {list.length === 0 && <Empty icon="container" title="Nothing here at the moment" />}
      <ul class="rows">
        {list.slice(0, 500).map((n) => (
          <li key={n.id}>
            <button type="button" class="row-button" onClick={() => onSelect(n.id)}>
              <span class={`dot color-${isStopped(n.state) ? 'red' : (n.color ?? 'grey')}`} />
              <strong>{n.label}</strong>
              {n.kind === 'container' ? <StateTag state={n.state} /> : <span class="muted">{n.kind}</span>}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function RadarConnections({ node }: { node: RadarNode }) {
  const ids = new Set([node.id, ...[...radar.nodes.values()].filter((n) => n.parent === node.id).map((n) => n.id)]);
  const edges: RadarEdge[] = [...radar.edges.values()].filter((e) => ids.has(e.from) || ids.has(e.to)).slice(0, 300);
  const name = (id: string) => radar.nodes.get(id)?.label ?? id;

  if (edges.length === 0) return <Empty icon="connect" title="No connection seen yet" />;
  return (
    <ul class="rows">
      {edges.map((e) => (
        <li key={e.id} class="connection">
          <Icon name="connect" />
          <div>
            <div><strong>{name(e.from)}</strong> → <strong>{name(e.to)}</strong></div>
            <div class="muted mono">{e.proto}:{e.port} {baseName(e.process)} {(e.addresses ?? []).slice(0, 2).join(', ')}</div>
          </div>
          <div class="right">
            <EffectTag effect={edgeEffect(e.effect)} />
            <div class="muted">{count(e.count)}× · {bytes(e.bytes)}</div>
          </div>
        </li>
      ))}
    </ul>
  );
}
