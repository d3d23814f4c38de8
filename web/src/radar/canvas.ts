// SPDX-License-Identifier: Apache-2.0
// Ties a view, the scene and the HTML overlay together outside of Preact's rendering: places that
// glide, dashes that move, overlay elements that follow the camera. One animation frame at most.
import { cssColor } from '../core/theme';
import { flatView } from './flat_view';
import { glView, hasWebGL } from './gl_view';
import type { Point } from './layout';
import type { Scene } from './scene';
import { type Bounds, type Drawing, type Insets, type Palette, STROKES, type View } from './view';

const GLIDE_MS = 450;
const FLOW_MS = 20000; // dashes move this long after the last news, then rest
const FLOW_PX_PER_MS = 0.02;

export interface CanvasHandlers {
  onPick(id: string | null): void;
  onHover(id: string | null): void;
  onView(): void;
}

export function readPalette(): Palette {
  return {
    stroke: { allow: cssColor('edge-allow'), alert: cssColor('orange'), prevent: cssColor('yellow'), block: cssColor('red') },
    tether: cssColor('edge-tether'),
    node: Object.fromEntries(['green', 'yellow', 'orange', 'red', 'grey'].map((c) => [c, cssColor(c)])),
    text: cssColor('text'),
    muted: cssColor('muted'),
    surface: cssColor('surface'),
  };
}

const still = window.matchMedia('(prefers-reduced-motion: reduce)');

export class RadarCanvas {
  readonly view: View;
  private drawing: Drawing | null = null;
  private from = new Map<string, Point>();
  private to = new Map<string, Point>();
  private glideStart = 0;
  private flowUntil = 0;
  private frame = 0;
  private following = true; // until the user moves the camera
  private insets: Insets = { top: 0, right: 0, bottom: 0, left: 0 };
  private fittedTo = '';

  constructor(element: HTMLElement, handlers: CanvasHandlers) {
    const viewHandlers = {
      onView: handlers.onView,
      onPick: handlers.onPick,
      onHover: handlers.onHover,
      onTouch: () => {
        this.following = false;
      },
    };
    const wanted = new URLSearchParams(window.location.search).get('renderer');

    this.view = wanted !== 'canvas' && hasWebGL() ? glView(element, viewHandlers) : flatView(element, viewHandlers);
  }

  setScene(scene: Scene, overlay: Set<string>, focus: string | null): void {
    const now = performance.now();
    const next = new Map(scene.nodes.map((n) => [n.id, { x: n.x, y: n.y }]));
    let moves = false;

    const from = new Map<string, Point>();
    for (const [id, p] of next) {
      const here = this.at(id, now);
      if (!here) continue;
      from.set(id, here);
      moves ||= here.x !== p.x || here.y !== p.y;
    }
    this.from = from;
    this.to = next;
    this.glideStart = moves && !still.matches ? now : now - GLIDE_MS;
    if (scene.strokes.some((s) => STROKES[s.effect].moving) && !still.matches) this.flowUntil = now + FLOW_MS;
    this.drawing = {
      scene, overlay, focus, at: (id) => this.at(id, performance.now()), palette: readPalette(), phase: this.drawing?.phase ?? 0,
    };
    this.follow(scene);
    this.view.draw(this.drawing);
    this.schedule();
  }

  at(id: string, now = performance.now()): Point | undefined {
    const to = this.to.get(id);
    const from = this.from.get(id);
    const t = Math.min(1, (now - this.glideStart) / GLIDE_MS);

    if (!to || !from || t >= 1) return to;
    const ease = 1 - (1 - t) ** 3;
    return { x: from.x + (to.x - from.x) * ease, y: from.y + (to.y - from.y) * ease };
  }

  setInsets(insets: Insets): void {
    this.insets = insets;
    this.fittedTo = '';
    if (this.drawing) this.follow(this.drawing.scene);
  }

  fit(): void {
    this.following = true;
    this.fittedTo = '';
    if (this.drawing) this.follow(this.drawing.scene);
  }

  // Brings one node to where it can be seen, without changing the zoom more than needed.
  reveal(id: string): void {
    const p = this.to.get(id);

    if (!p) return;
    const half = 260;
    this.following = false;
    this.view.fit({ x0: p.x - half, x1: p.x + half, y0: p.y - half, y1: p.y + half }, this.insets, !still.matches);
  }

  resize(): void {
    this.view.resize();
    this.fittedTo = '';
    if (this.drawing) this.follow(this.drawing.scene);
  }

  current(): Drawing | null {
    return this.drawing;
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.view.destroy();
  }

  // Until the user takes the camera it shows everything; the bounds change in steps with the ring.
  private follow(scene: Scene): void {
    if (!this.following || scene.nodes.length === 0) return;
    const b = sceneBounds(scene);
    const key = [b.x0, b.x1, b.y0, b.y1].map((v) => Math.round(v / 20)).join();

    if (key === this.fittedTo) return;
    this.view.fit(b, this.insets, this.fittedTo !== '' && !still.matches);
    this.fittedTo = key;
  }

  private schedule(): void {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.tick());
  }

  private tick(): void {
    const now = performance.now();

    this.frame = 0;
    if (!this.drawing) return;
    const gliding = now - this.glideStart < GLIDE_MS + 40;
    const flowing = now < this.flowUntil;
    this.drawing.phase = flowing ? (now * FLOW_PX_PER_MS) % 1400 : this.drawing.phase;
    if (gliding) this.view.redraw();
    else if (flowing) this.view.repaint();
    if (gliding || flowing) this.schedule();
  }
}

export function sceneBounds(scene: Scene): Bounds {
  const b = { x0: -220, x1: 220, y0: -150, y1: 150 };

  for (const n of scene.nodes) {
    const r = Math.max(n.r + 40, n.orbit);
    b.x0 = Math.min(b.x0, n.x - r);
    b.x1 = Math.max(b.x1, n.x + r);
    b.y0 = Math.min(b.y0, n.y - r);
    b.y1 = Math.max(b.y1, n.y + r);
  }
  return b;
}
