// SPDX-License-Identifier: Apache-2.0
// What the gates know of the selected node: refusals, compliance, commands to the engine.
import { AuditRow } from '../pages/audit_row';
import { CommandTable } from '../access/table';
import { FindingRow, SeverityCounts } from '../compliance/finding_row';
import { compareFindings, groupFindings, matchesFinding, merge } from '../compliance/findings';
import { get, query } from '../core/api';
import { concerns, newestFirst } from '../core/commands';
import { recentAudits, recentCommands, recentFindings } from '../core/live';
import { Link } from '../core/router';
import type { Audit, Container, Finding, Page, RadarNode } from '../core/types';
import { Empty, Failure, Loading, StateTag, TrustBadge, useLoad } from '../core/ui';
import { reasonText } from './overlay';
import { containerId } from './state';

const COMMANDS = 30;
const LOOKED_AT = 500; // newest commands among which those that only name the container are looked for
const FAILED = { show: 'failed', resource: '', severity: '', search: '' } as const;
const GATES = ['trust', 'compliance', 'vulnerability', 'access', 'admission'];

// The checks that this container fails, worst first; null while they are not known.
function useFailed(id: string): { findings: Finding[] | null; error: unknown } {
  const { data, error } = useLoad((signal) => get<Page<Finding>>(`/compliance${query({ passed: 'false', container: id, limit: 1000 })}`, signal), [id]);
  const live = recentFindings.value;

  return {
    findings: data && merge(data.items, live).filter((f) => f.container.id === id && matchesFinding(f, FAILED)).sort(compareFindings),
    error,
  };
}

export function ContainerCompliance({ id }: { id: string }) {
  const { findings, error } = useFailed(id);

  if (!findings) return error ? <Failure error={error} /> : <Loading />;
  if (findings.length === 0) return <Empty icon="compliance" title="No check failed">Nothing of what was checked in this container is against the benchmark.</Empty>;
  return <ul class="findings" data-testid="panel-compliance">{findings.map((f) => <FindingRow key={f.id} finding={f} />)}</ul>;
}

// "2 critical, 1 high", for the overview; nothing where nothing is known.
export function FailedCounts({ id }: { id: string }) {
  const { findings } = useFailed(id);

  if (!findings) return <span class="muted">–</span>;
  if (findings.length === 0) return <span class="muted">no check failed</span>;
  return <SeverityCounts failed={groupFindings(findings)[0].failed} />;
}

export function ContainerCommands({ id, name }: { id: string; name: string }) {
  const { data, error } = useLoad(async (signal) => {
    const [own, all] = await Promise.all([
      get<Page<Audit>>(`/audits${query({ kind: 'access', container: id, limit: COMMANDS })}`, signal),
      get<Page<Audit>>(`/audits${query({ kind: 'access', limit: LOOKED_AT })}`, signal),
    ]);
    return [...own.items, ...all.items];
  }, [id]);
  const rows = newestFirst([...(data ?? []), ...recentCommands.value]).filter((a) => concerns(a, { id, name })).slice(0, COMMANDS);

  if (!data) return error ? <Failure error={error} /> : <Loading />;
  if (rows.length === 0)
    return <Empty icon="access" title="No command seen">Commands to this container are shown once Docker asks Seawall: <code>seawall install authz</code></Empty>;
  return <div class="panel-log" data-testid="panel-commands"><CommandTable rows={rows} /></div>;
}

// The image's badge is that of its containers: all have the same.
export function ImageTrust({ container }: { container: string }) {
  const { data } = useLoad((signal) => get<Container>(`/containers/${encodeURIComponent(container)}`, signal), [container]);

  return data ? <TrustBadge trusted={data.trusted} /> : null;
}

function isAbout(a: Audit, node: RadarNode): boolean {
  const id = containerId(node.id);

  if (!GATES.includes(a.kind ?? '') || (a.done !== 'block' && a.done !== 'prevent')) return false;
  if (a.container.id) return a.container.id === id;
  return node.id === `refused:${a.container.name ?? ''}@${a.container.image ?? ''}`;
}

// What never started has no record of its own: what is known of it is why.
export function Refused({ node }: { node: RadarNode }) {
  const newest = newestFirst([...recentAudits.value, ...recentCommands.value]).filter((a) => isAbout(a, node));
  const { data, error } = useLoad((signal) => get<Page<Audit>>(`/audits${query({ limit: LOOKED_AT })}`, signal), [node.id]);
  const audits = newestFirst([...(data?.items ?? []).filter((a) => isAbout(a, node)), ...newest]);

  return (
    <>
      {node.reason && <p class="refusal" data-testid="panel-refusal">{reasonText(node.reason)}</p>}
      <dl class="facts">
        <div class="fact"><dt>State</dt><dd><StateTag state="refused" /> <span class="muted">it never ran</span></dd></div>
        <div class="fact"><dt>Image</dt><dd><span class="mono">{node.parent?.replace(/^image:/, '') ?? '–'}</span></dd></div>
        {(node.badges ?? []).includes('untrusted') && <div class="fact"><dt>Trust</dt><dd><TrustBadge trusted="untrusted" /></dd></div>}
        <div class="fact"><dt>Rules</dt><dd><Link href="/policy">What is in force</Link></dd></div>
      </dl>
      {error && !data ? <Failure error={error} /> : null}
      <ul class="rows">{audits.slice(0, 20).map((a) => <AuditRow key={a.id} audit={a} />)}</ul>
    </>
  );
}
