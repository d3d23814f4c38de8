// SPDX-License-Identifier: Apache-2.0
// One check as it is shown everywhere: what should be, why it is not, how to mend it.
import { Icon } from '../core/icons';
import type { Finding, Severity } from '../core/types';
import { SeverityTag } from '../core/ui';
import { resultOf, SEVERITIES } from './findings';

// "block" of a rule means that such a container is refused when it is created.
const EFFECTS: Record<string, { style: string; text: string }> = {
  alert: { style: 'effect-alert', text: 'alert' },
  prevent: { style: 'effect-block', text: 'block' },
  block: { style: 'effect-block', text: 'block' },
};

const ICONS = { passed: 'check', failed: 'close', ignored: 'minus' } as const;

export function FindingRow({ finding: f }: { finding: Finding }) {
  const effect = f.rule ? EFFECTS[f.effect ?? ''] : undefined; // without a rule every failed check is told
  const result = resultOf(f);
  const named = f.target && f.resource !== 'container' && f.resource !== 'image';

  return (
    <li class={`finding ${result} ${result === 'failed' ? `severity-edge-${f.severity ?? 'low'}` : ''}`} data-testid="compliance-row" data-id={f.id} data-check={f.check ?? ''} data-cis={f.cis ?? ''}
      data-severity={f.severity ?? ''} data-resource={f.resource ?? ''} data-target={f.target ?? ''} data-container={f.container.name ?? ''} data-passed={f.passed} data-result={result}>
      <div class="finding-line">
        <Icon name={ICONS[result]} size={15} aria-label={result} aria-hidden={undefined} role="img" />
        <strong>{f.title}</strong>
        {!f.passed && <SeverityTag severity={f.severity} />}
        {f.cis && <span class="tag plain" title="Number in the CIS Docker Benchmark 1.6.0">CIS {f.cis}</span>}
        {result === 'ignored' && <span class="tag plain" title="No rule of compliance names this check here">ignored</span>}
        {effect && result === 'failed' && <span class={`tag ${effect.style}`} title={f.rule ? `by rule '${f.rule}'` : undefined}>{effect.text}</span>}
        <span class="spacer" />
        <code class="muted">{f.check}</code>
      </div>
      {named && <p class="mono finding-target">{f.target}</p>}
      {f.cause && <p class="finding-cause">{f.cause}</p>}
      {!f.passed && f.remedy && <p class="finding-remedy"><Icon name="mend" size={14} aria-label="How to mend it" aria-hidden={undefined} role="img" />{f.remedy}</p>}
    </li>
  );
}

export function SeverityCounts({ failed }: { failed: Partial<Record<Severity, number>> }) {
  return (
    <span class="severity-counts">
      {SEVERITIES.filter((s) => failed[s]).map((s) => <span key={s} class={`tag plain severity-${s}`} title={`${failed[s]} ${s}`}>{failed[s]} {s}</span>)}
    </span>
  );
}
