// SPDX-License-Identifier: Apache-2.0
// Compliance: how much of what was checked is as it should be, and what is not, with its cause and its cure.
import { useEffect, useState } from 'preact/hooks';
import { get, query } from '../core/api';
import { FilterChoice, FilterInput, filterOf, FilterSelect, setFilter } from '../core/filters';
import { ago, count, plural, shortImage } from '../core/format';
import { Icon, type IconName } from '../core/icons';
import { generation, recentFindings } from '../core/live';
import { useBackwards } from '../core/paging';
import { Link, navigate } from '../core/router';
import type { ComplianceSummary, Finding, Page, Severity } from '../core/types';
import { Command, Empty, Failure, Loading, useLoad } from '../core/ui';
import { FindingRow, SeverityCounts } from './finding_row';
import { type FindingFilter, type FindingGroup, groupFindings, matchesFinding, merge, percent, rateOf, RESOURCES, resourceTitle, SEVERITIES } from './findings';

const PAGE = 1000;
const WANT = 2000; // findings loaded before the user asks for more
const OPEN_GROUPS = 6; // beyond, groups are closed at first
const SUMMARY_MS = 1000;
const SHOW = [['failed', 'Failed'], ['ignored', 'Ignored'], ['all', 'All']] as const;
const PASSED = { failed: 'false', ignored: 'ignored', all: null } as const; // as the Console calls it

export const RESOURCE_ICON: Record<string, IconName> = { host: 'host', daemon: 'service', file: 'file', image: 'image', container: 'container' };

function readFilter(): FindingFilter & { show: keyof typeof PASSED } {
  const show = filterOf('show');

  return { show: show === 'all' || show === 'ignored' ? show : 'failed', resource: filterOf('resource'), severity: filterOf('severity'), search: filterOf('search') };
}

// The figures, again a moment after findings came.
function useSummary() {
  const [tick, setTick] = useState(0);
  const live = recentFindings.value;

  useEffect(() => {
    if (live.length === 0) return undefined;
    const timer = window.setTimeout(() => setTick((t) => t + 1), SUMMARY_MS);
    return () => window.clearTimeout(timer);
  }, [live]);
  return useLoad((signal) => get<ComplianceSummary>('/compliance/summary', signal), [tick, generation.value]);
}

export function CompliancePage() {
  const filter = readFilter();
  const { show, resource, severity } = filter;
  const summary = useSummary();
  const list = useBackwards((cursor, signal) => get<Page<Finding>>(`/compliance${query({ passed: PASSED[show], resource, severity, limit: PAGE, cursor })}`, signal),
    () => true, WANT, [show, resource, severity, generation.value]);
  const findings = merge(list.items, recentFindings.value).filter((f) => matchesFinding(f, filter));
  const groups = groupFindings(findings);
  const narrowed = Boolean(resource || severity || filter.search);

  return (
    <section class="page compliance" data-testid="compliance">
      <header class="page-head">
        <div><h1>Compliance</h1><p class="muted">Containers, images, the daemon and the host against the CIS Docker Benchmark.</p></div>
        <div class="filters">
          <FilterChoice name="show" label="Which checks" values={SHOW} fallback="failed" />
          <FilterSelect name="resource" all="Every resource" values={RESOURCES} text={resourceTitle} />
          <FilterSelect name="severity" all="Every severity" values={SEVERITIES} />
          <FilterInput name="search" placeholder="Check, CIS number, name" />
        </div>
      </header>
      {summary.error ? <Failure error={summary.error} retry={summary.reload} /> : null}
      {summary.data && rateOf(summary.data) !== null && <Summary summary={summary.data} />}
      {list.error && !summary.error ? <Failure error={list.error} retry={list.reload} /> : null}
      {!list.loaded && !list.error && <Loading />}
      {list.loaded && groups.length === 0 && <Nothing narrowed={narrowed} checked={summary.data !== null && rateOf(summary.data) !== null} />}
      <div class="finding-groups">
        {groups.map((g, i) => <Group key={`${g.key} ${narrowed}`} group={g} open={narrowed || i < OPEN_GROUPS} />)}
      </div>
      {list.next !== null && list.loaded && (
        <p class="centered"><button type="button" class="button" disabled={list.busy} onClick={list.more}>{list.busy ? 'Loading…' : `More than ${count(list.items.length)}: load the rest`}</button></p>
      )}
    </section>
  );
}

function Nothing({ narrowed, checked }: { narrowed: boolean; checked: boolean }) {
  if (narrowed)
    return <Empty icon="search" title="No check matches"><button type="button" class="button" onClick={() => navigate('/compliance', true)}>Remove the filters</button></Empty>;
  if (checked) return <Empty icon="shield" title="Everything is as it should be">No check failed.</Empty>;
  return (
    <Empty icon="compliance" title="Nothing was checked yet">
      <p>Running containers, the daemon and the host are looked at by themselves. Or look now:</p>
      <Command text="seawall compliance" />
    </Empty>
  );
}

const RADIUS = 44;
const AROUND = 2 * Math.PI * RADIUS;

function Donut({ rate }: { rate: number }) {
  const color = rate >= 0.9 ? 'green' : rate >= 0.7 ? 'yellow' : rate >= 0.5 ? 'orange' : 'red';

  return (
    <div class={`donut color-${color}`} data-testid="compliance-rate" data-rate={(rate * 100).toFixed(1)} role="img" aria-label={`${percent(rate)} percent of the checks passed`}>
      <svg viewBox="0 0 108 108" width="108" height="108" aria-hidden="true">
        <circle class="ring" cx="54" cy="54" r={RADIUS} />
        <circle class="arc" cx="54" cy="54" r={RADIUS} stroke-dasharray={`${rate * AROUND} ${AROUND}`} transform="rotate(-90 54 54)" />
      </svg>
      <span class="donut-text"><b>{percent(rate)}</b>%</span>
    </div>
  );
}

function Summary({ summary: s }: { summary: ComplianceSummary }) {
  const failed = (v: Severity) => s.by_severity[v] ?? 0;
  const most = Math.max(1, ...SEVERITIES.map(failed));
  const resources = RESOURCES.filter((r) => s.by_resource[r] && s.by_resource[r].passed + s.by_resource[r].failed > 0);
  const toggle = (name: string, value: string) => setFilter(name, filterOf(name) === value ? '' : value);

  return (
    <div class="card compliance-summary" data-testid="compliance-summary" data-passed={s.passed} data-failed={s.failed}>
      <div class="rate">
        <Donut rate={rateOf(s) ?? 0} />
        <div><p><b>{count(s.passed)}</b> passed</p><p><b>{count(s.failed)}</b> failed</p>{s.ignored > 0 && <p class="small">{count(s.ignored)} ignored</p>}</div>
      </div>
      <div role="group" aria-label="Failed checks by severity">
        <h2>Failed by severity</h2>
        {SEVERITIES.map((v) => (
          <button key={v} type="button" class={`bar severity-${v}`} aria-pressed={filterOf('severity') === v} data-testid="compliance-severity" data-severity={v} data-count={failed(v)}
            onClick={() => toggle('severity', v)}>
            <span>{v}</span><span class="track"><span style={{ width: `${(failed(v) / most) * 100}%` }} /></span><b>{count(failed(v))}</b>
          </button>
        ))}
      </div>
      <div role="group" aria-label="Checks by resource">
        <h2>By resource</h2>
        {resources.map((r) => {
          const { passed, failed: bad } = s.by_resource[r];
          return (
            <button key={r} type="button" class="bar" aria-pressed={filterOf('resource') === r} data-testid="compliance-resource" data-resource={r} data-failed={bad}
              title={`${plural(passed, 'check')} passed, ${count(bad)} failed`} onClick={() => toggle('resource', r)}>
              <span class="inline"><Icon name={RESOURCE_ICON[r]} size={14} />{resourceTitle(r)}</span>
              <span class="track share"><span style={{ width: `${(passed / Math.max(1, passed + bad)) * 100}%` }} /></span><b>{count(bad)}</b>
            </button>
          );
        })}
      </div>
    </div>
  );
}

function Group({ group: g, open: initially }: { group: FindingGroup; open: boolean }) {
  const [open, setOpen] = useState(initially);
  const looked = g.items.reduce((t, f) => ((f.time ?? '') > t ? (f.time as string) : t), '');

  return (
    <article class="card finding-group" data-testid="compliance-group" data-resource={g.resource} data-name={g.title}>
      <header>
        <button type="button" class="group-open" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="right" size={14} class="icon chevron" />
          <Icon name={RESOURCE_ICON[g.resource] ?? 'info'} size={18} />
          <h2>{g.resource === 'image' ? shortImage(g.title) : g.title}</h2>
          <span class="muted mono detail">{g.resource === 'container' ? shortImage(g.detail) : g.detail}</span>
        </button>
        <SeverityCounts failed={g.failed} />
        {looked && <span class="muted looked-at" title={looked}>{ago(looked)}</span>}
        {g.container && <Link class="button small" href={`/forensics/${encodeURIComponent(g.container)}`}><Icon name="microscope" size={15} />Microscope</Link>}
      </header>
      {open && <ul class="findings">{g.items.map((f) => <FindingRow key={f.id} finding={f} />)}</ul>}
    </article>
  );
}
