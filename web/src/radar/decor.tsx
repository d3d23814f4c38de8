// SPDX-License-Identifier: Apache-2.0
// What surrounds the nodes: the rings of the backdrop, labels of strokes, the legend.
import type { Signal } from '@preact/signals';
import { baseName } from '../core/format';
import type { RadarCanvas } from './canvas';
import type { Places } from './layout';
import type { Group, Scene, Stroke } from './scene';

interface BackdropProps {
  canvas: RadarCanvas;
  places: Places;
  groups: Group[];
  view: Signal<number>;
}

const RINGS = [0.34, 0.67, 1];

const GROUND_MARGIN = 12; // units around the images of a group
const GROUND_BRIDGE = 84; // width of what joins them

export function Backdrop({ canvas, places, groups, view }: BackdropProps) {
  void view.value; // drawn again with the camera
  const centre = canvas.view.toScreen({ x: 0, y: 0 });
  const scale = canvas.view.scale();

  return (
    <svg class="radar-backdrop" aria-hidden="true">
      {RINGS.map((k) => (
        <ellipse key={k} class={k === 1 ? 'outer' : ''} cx={centre.x} cy={centre.y}
          rx={places.ring.rx * k * scale} ry={places.ring.ry * k * scale} />
      ))}
      {groups.map((g) => {
        const at = g.circles.map((c) => canvas.view.toScreen(c));
        const top = g.circles.reduce((best, c, i) => (c.y - c.r < g.circles[best].y - g.circles[best].r ? i : best), 0);
        return (
          <g key={g.name} class="ground">
            <g>
              {g.links.map(([a, b]) => <line key={`${a} ${b}`} x1={at[a].x} y1={at[a].y} x2={at[b].x} y2={at[b].y} stroke-width={GROUND_BRIDGE * scale} />)}
              {g.circles.map((c, i) => <circle key={i} cx={at[i].x} cy={at[i].y} r={(c.r + GROUND_MARGIN) * scale} />)}
            </g>
            <text x={at[top].x} y={at[top].y - (g.circles[top].r + GROUND_MARGIN) * scale - 6}>{g.name}</text>
          </g>
        );
      })}
    </svg>
  );
}

const LABEL_LIMIT = 14;

// "tcp:5555 nginx", and how many more.
export function strokeText(s: Stroke): string {
  const sorted = [...s.edges].sort((a, b) => Number(b.effect !== 'allow') - Number(a.effect !== 'allow') || b.count - a.count);
  const e = sorted[0];
  const name = e.process ? ` ${baseName(e.process)}` : '';
  const more = sorted.length > 1 ? ` +${sorted.length - 1}` : '';

  return `${e.proto ?? ''}:${e.port}${name}${more}`;
}

interface EdgeLabelsProps {
  canvas: RadarCanvas;
  scene: Scene;
  focus: string | null;
  stroke: string | null;
  view: Signal<number>;
}

// Strokes of the selected or hovered node, the hovered stroke, and all that are not plain allowed.
export function EdgeLabels({ canvas, scene, focus, stroke, view }: EdgeLabelsProps) {
  void view.value; // drawn again with the camera
  const chosen = scene.strokes
    .filter((s) => !s.tether && (s.id === stroke || s.from === focus || s.to === focus || (s.effect !== 'allow' && !s.dim)))
    .slice(0, LABEL_LIMIT);

  return (
    <div class="edge-labels" aria-hidden="true">
      {chosen.map((s) => {
        const a = canvas.at(s.from);
        const b = canvas.at(s.to);
        if (!a || !b) return null;
        const p = canvas.view.toScreen({ x: a.x + (b.x - a.x) * 0.58, y: a.y + (b.y - a.y) * 0.58 });
        return (
          <span key={s.id} class={`edge-label effect-${s.effect}`} style={{ transform: `translate(${p.x}px, ${p.y}px) translate(-50%, -50%)` }}>
            {strokeText(s)}
          </span>
        );
      })}
    </div>
  );
}

export function Legend() {
  return (
    <div class="legend" aria-hidden="true">
      <span><svg width="26" height="6"><path d="M0 3h26" class="l-allow" /></svg>allowed</span>
      <span><svg width="26" height="6"><path d="M0 3h26" class="l-alert" /></svg>alerted</span>
      <span><svg width="26" height="6"><path d="M0 3h26" class="l-prevent" /></svg>prevented</span>
      <span><svg width="26" height="6"><path d="M0 3h26" class="l-block" /></svg>blocked</span>
    </div>
  );
}
