// SPDX-License-Identifier: Apache-2.0
// The Radar in HTML, over the canvas: each visible node is a button with its state in words and
// data attributes, each connection an item of a list. Keyboards, screen readers and tests use these;
// eyes see them too. Positions are written by `place`, not by rendering.
import { useEffect, useRef, useState } from 'preact/hooks';
import { baseName, countryName, plural, shortImage } from '../core/format';
import { Icon, type IconName } from '../core/icons';
import { pulseOf } from '../core/live';
import { BADGES, shownBadges } from './badges';
import type { RadarCanvas } from './canvas';
import type { Scene, SceneNode } from './scene';
import { edgeEffect, isStopped, type RadarState } from './state';

export const OVERLAY_LIMIT = 420; // elements; what is beyond is drawn on the canvas only
const EDGE_LIST_LIMIT = 1000;
const LEAVE_MS = 700;

const KIND_ICON: Record<string, IconName> = {
  image: 'image', container: 'container', internet: 'internet', host: 'host', service: 'service',
};

// Which nodes become elements: all, or those that matter most.
export function overlayNodes(scene: Scene): SceneNode[] {
  if (scene.nodes.length <= OVERLAY_LIMIT) return scene.nodes;
  const weight = (n: SceneNode) =>
    (isStopped(n.state) ? 8 : 0) + (n.kind === 'image' ? 2 : n.kind === 'container' ? 0 : 4) +
    (n.color === 'red' ? 5 : n.color === 'orange' ? 3 : n.color === 'yellow' ? 1 : 0) - (n.dim ? 6 : 0);

  return [...scene.nodes].sort((a, b) => weight(b) - weight(a)).slice(0, OVERLAY_LIMIT);
}

function flag(code: string): string {
  return /^[A-Z]{2}$/.test(code) ? String.fromCodePoint(...[...code].map((c) => 0x1f1e6 + c.charCodeAt(0) - 65)) : '';
}

function Mark({ n }: { n: SceneNode }) {
  const code = n.kind === 'internet' ? (n.node.country ?? n.id.slice('internet:'.length)) : '';

  if (/^[A-Z]{2}$/.test(code)) return <span class="node-iso" title={flag(code)}>{code}</span>;
  return <Icon name={KIND_ICON[n.kind] ?? 'service'} size={n.kind === 'image' ? 24 : 17} />;
}

function describe(n: SceneNode, total: number): string {
  const kind = n.kind === 'internet' ? 'country' : n.kind;
  const parts = [`${kind} ${label(n)}`];

  if (n.kind === 'container' || n.kind === 'image') parts.push(n.state);
  if (n.kind === 'image') parts.push(plural(total, 'container'));
  if (n.node.reason) parts.push(n.node.reason);
  for (const b of n.node.badges ?? []) parts.push(BADGES[b]?.text ?? b);
  return parts.join(', ');
}

export function label(n: SceneNode): string {
  if (n.kind === 'image') return shortImage(n.node.label);
  return n.kind === 'internet' && n.node.country ? countryName(n.node.country) : n.node.label;
}

interface NodeProps {
  n: SceneNode;
  selected: boolean;
  leaving: boolean;
  fresh: boolean;
  since: number; // ms since it was blocked, as far as known
  again: boolean; // a newer one of its image says the same
  above: boolean; // it is above its image: there is room for words on that side
  onSelect: (id: string) => void;
  onHover: (id: string | null) => void;
}

function NodeButton({ n, selected, leaving, fresh, since, again, above, onSelect, onHover }: NodeProps) {
  const total = n.node.containers?.length ?? 0;
  const pulse = n.kind === 'container' && !isStopped(n.state) ? pulseOf(n.id) : null;
  const classes = ['node', `kind-${n.kind}`, `color-${isStopped(n.state) ? 'red' : n.color}`];

  if (selected) classes.push('selected');
  if (leaving) classes.push('leaving');
  if (fresh) classes.push('fresh');
  if (n.dim) classes.push('dim');
  if (pulse) classes.push('pulse', pulse);
  if (n.orbit > 0) classes.push('has-orbit');
  return (
    <button type="button" class={classes.join(' ')} data-testid="radar-node" data-id={n.id} data-label={n.node.label}
      data-kind={n.kind} data-state={n.state} data-color={n.color} aria-label={describe(n, total)} aria-pressed={selected}
      onClick={() => onSelect(n.id)} onMouseEnter={() => onHover(n.id)} onMouseLeave={() => onHover(null)}
      onFocus={() => onHover(n.id)} onBlur={() => onHover(null)}>
      {n.kind === 'image' && n.orbit > 0 && <span class="node-area" style={{ '--orbit': n.orbit }} />}
      <span class="node-disc">
        <span class="node-face front">{n.kind === 'container' && n.state === 'refused' ? <Icon name="refused" size={20} /> : <Mark n={n} />}</span>
        <span class="node-face back"><Icon name="blocked" size={20} /></span>
      </span>
      {n.kind === 'image' && n.count > 0 && <span class="node-count">{n.count > 999 ? `${Math.round(n.count / 100) / 10}k` : n.count}</span>}
      {shownBadges(n.kind, n.node.badges).map((b) => (
        <span key={b.id} class={`node-badge badge-${b.id}`} data-testid="radar-badge" data-badge={b.id} title={b.text}><Icon name={BADGES[b.id].icon} size={12} /></span>
      ))}
      <span class="node-label">{label(n)}</span>
      {n.kind === 'container' && isStopped(n.state) && n.node.reason && (
        <span class={`node-reason ${since > 20000 ? 'old' : ''} ${again ? 'again' : ''} ${above ? 'above' : ''}`}><Icon name={n.state === 'refused' ? 'refused' : 'blocked'} size={14} />{reasonText(n.node.reason)}</span>
      )}
    </button>
  );
}

// "[Seawall] container blocked by rule 'x': why" -> "Blocked by rule 'x': why"; of a command only what was said to it.
export function reasonText(reason: string): string {
  const text = reason.replace(/^\[Seawall\]\s*/, '').replace(/^(container|image|command) /, '').replace(/^.*: (denied by rule )/, '$1');

  return text ? text[0].toUpperCase() + text.slice(1) : reason;
}

// Nodes that just left stay for a moment, so that they can be seen to go.
function useLeaving(nodes: SceneNode[]): SceneNode[] {
  const last = useRef(new Map<string, SceneNode>());
  const [leaving, setLeaving] = useState<SceneNode[]>([]);

  useEffect(() => {
    const now = new Map(nodes.map((n) => [n.id, n]));
    const gone = [...last.current.values()].filter((n) => !now.has(n.id) && n.kind !== 'image');

    last.current = now;
    if (gone.length === 0 || gone.length > 50) return;
    setLeaving((l) => [...l.filter((n) => !now.has(n.id)), ...gone]);
    window.setTimeout(() => setLeaving((l) => l.filter((n) => !gone.includes(n))), LEAVE_MS);
  }, [nodes]);
  const present = new Set(nodes.map((n) => n.id));
  return leaving.filter((n) => !present.has(n.id));
}

interface OverlayProps {
  scene: Scene;
  nodes: SceneNode[];
  state: RadarState;
  selected: string | null;
  canvas: RadarCanvas | null;
  host: { current: HTMLDivElement | null };
  onSelect: (id: string) => void;
  onHover: (id: string | null) => void;
}

const FRESH_MS = 1200;

export function Overlay({ nodes, state, selected, canvas, host, onSelect, onHover }: OverlayProps) {
  const leaving = useLeaving(nodes);
  const images = new Map(nodes.filter((n) => n.kind === 'image').map((n) => [n.id, n.y]));
  const now = Date.now();
  const said = newestSayers(nodes, state);

  useEffect(() => {
    if (canvas && host.current) place(host.current, canvas);
  });
  return (
    <div class="radar-overlay" ref={host}>
      {[...nodes, ...leaving].map((n) => (
        <NodeButton key={n.id} n={n} selected={n.id === selected} leaving={leaving.includes(n)}
          fresh={now - (state.born.get(n.id) ?? 0) < FRESH_MS} since={sinceBlocked(state, n.id, now)} again={said.get(sayKey(n)) !== n.id}
          above={n.y < (images.get(n.node.parent ?? '') ?? -Infinity)}
          onSelect={onSelect} onHover={onHover} />
      ))}
    </div>
  );
}

const sayKey = (n: SceneNode) => `${n.node.parent} ${reasonText(n.node.reason ?? '')}`;

// Of several that were stopped for the same reason the newest says it: a worm tries again and again.
function newestSayers(nodes: SceneNode[], state: RadarState): Map<string, string> {
  const at = (id: string) => state.blocked.get(id) ?? 0;
  const newest = new Map<string, string>();

  for (const n of nodes) {
    if (!isStopped(n.state) || !n.node.reason) continue;
    const before = newest.get(sayKey(n));
    if (before === undefined || at(n.id) >= at(before)) newest.set(sayKey(n), n.id);
  }
  return newest;
}

function sinceBlocked(state: RadarState, id: string, now: number): number {
  const at = state.blocked.get(id);

  return at === undefined ? 0 : now - at;
}

const LABEL_SCALE = 0.42; // below, only troubled and hovered nodes have their name written

// Writes the camera into the overlay: called for each frame in which it moved.
export function place(host: HTMLElement, canvas: RadarCanvas): void {
  const scale = canvas.view.scale();

  host.style.setProperty('--s', String(Math.min(1.6, scale)));
  host.style.setProperty('--area', String(scale));
  host.classList.toggle('far', scale < LABEL_SCALE);
  for (const element of host.children as HTMLCollectionOf<HTMLElement>) {
    const p = element.dataset.id ? canvas.at(element.dataset.id) : undefined;
    if (!p) continue;
    const s = canvas.view.toScreen(p);
    element.style.transform = `translate(${s.x.toFixed(1)}px, ${s.y.toFixed(1)}px)`;
  }
}

export function EdgeList({ state }: { state: RadarState }) {
  const edges = [...state.edges.values()].slice(0, EDGE_LIST_LIMIT);
  const name = (id: string) => state.nodes.get(id)?.label ?? id;

  return (
    <ul class="visually-hidden" aria-label="Connections">
      {edges.map((e) => (
        <li key={e.id} data-testid="radar-edge" data-id={e.id} data-from={e.from} data-to={e.to} data-port={e.port}
          data-proto={e.proto ?? ''} data-process={e.process ?? ''} data-country={e.country ?? ''} data-effect={edgeEffect(e.effect)}>
          {`${name(e.from)} to ${name(e.to)}: ${e.proto ?? ''} ${e.port}, ${baseName(e.process)}, ${edgeEffect(e.effect)}`}
        </li>
      ))}
    </ul>
  );
}
