// SPDX-License-Identifier: Apache-2.0
// Ties a view, the scene and the HTML overlay together outside of Preact's rendering: places that
// glide, dashes that move, overlay elements that follow the camera. One animation frame at most.
import { cssColor } from '../core/theme';
import { flatView } from './flat_view';
import { glView, hasWebGL } from './gl_view';
import type { Point } from './layout';
import type { Scene } from './scene';
import { type Bounds, type Drawing, type Insets, type Palette, STROKES, type View } from './view';

const INSETS: Insets = { top: 84, right: 40, bottom: 76, left: 40 }; // what the tools cover
const PANEL_MARGIN = 110;
const GLIDE_MS = 450;
const FLOW_MS = 20000; // dashes move this long after the last news, then rest
const FLOW_PX_PER_MS = 0.02;
const SLOW_FRAME_MS = 40; // this many times in a row, and moving dashes are not worth it here
const SLOW_FRAMES = 8;

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
  private shift = 0; // pixels that a panel pushed us to the left
  private seen = ''; // the camera at the last onView
  private moved = true; // places changed since
  private slowFrames = 0;
  private lastFrame = 0;
  private fittedTo = '';

  constructor(element: HTMLElement, handlers: CanvasHandlers) {
    const viewHandlers = {
      // Dashes that move redraw the canvas too: only a camera or places that moved are news.
      onView: () => {
        const centre = this.view?.toScreen({ x: 0, y: 0 });
        const key = centre ? `${centre.x},${centre.y},${this.view.scale()}` : '';

        if (key === this.seen && !this.moved) return;
        this.seen = key;
        this.moved = false;
        handlers.onView();
      },
      onPick: handlers.onPick,
      onHover: handlers.onHover,
      onTouch: () => {
        this.following = false;
        this.shift = 0;
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
    this.moved = true;
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

  // A panel of `width` pixels lies over the right side: `id` is brought out from under it, and all goes
  // back when it is closed. The zoom stays.
  setPanel(width: number, id: string | null): void {
    const p = id === null ? undefined : this.to.get(id);
    const hidden = p ? this.view.toScreen(p).x - (this.view.width() - width - PANEL_MARGIN) : 0;

    if (width === 0 && this.shift !== 0) {
      this.view.pan(-this.shift, 0, true);
      this.shift = 0;
    } else if (width > 0 && hidden > 0) {
      this.view.pan(hidden, 0, true);
      this.shift += hidden;
    }
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
    this.view.fit({ x0: p.x - half, x1: p.x + half, y0: p.y - half, y1: p.y + half }, INSETS, !still.matches);
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
    this.view.fit(b, INSETS, this.fittedTo !== '' && !still.matches);
    this.fittedTo = key;
  }

  private schedule(): void {
    if (this.frame) return;
    this.lastFrame = performance.now();
    this.frame = requestAnimationFrame(() => this.tick());
  }

  private tick(): void {
    const now = performance.now();

    this.frame = 0;
    if (!this.drawing) return;
    const gliding = now - this.glideStart < GLIDE_MS + 40;
    const flowing = now < this.flowUntil && this.slowFrames < SLOW_FRAMES;

    if (flowing) this.slowFrames = now - this.lastFrame > SLOW_FRAME_MS ? this.slowFrames + 1 : 0;
    this.drawing.phase = flowing ? (now * FLOW_PX_PER_MS) % 1400 : this.drawing.phase;
    this.moved ||= gliding;
    if (gliding) this.view.redraw();
    else if (flowing) this.view.repaint();
    if (gliding || flowing) this.schedule();
  }
}

export function sceneBounds(scene: Scene): Bounds {
  // Even on both sides: the middle stays in the middle when a country comes.
  let x = 300;
  let y = 200;

  for (const n of scene.nodes) {
    const r = Math.max(n.r + 40, n.orbit);
    x = Math.max(x, Math.abs(n.x) + r);
    y = Math.max(y, Math.abs(n.y) + r);
  }
  return { x0: -x, x1: x, y0: -y, y1: y };
}
