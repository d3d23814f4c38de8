// SPDX-License-Identifier: Apache-2.0
// What the page needs of a drawing surface. Two fulfil it: sigma (WebGL) and a plain canvas where
// WebGL is missing. Both own a camera; the HTML overlay follows it through `onView`.
import type { Point } from './layout';
import type { Scene, StrokeEffect } from './scene';

export interface Palette {
  stroke: Record<StrokeEffect, string>;
  tether: string;
  node: Record<string, string>;
  text: string;
  muted: string;
  surface: string;
}

export interface Insets {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface Bounds {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export interface ViewHandlers {
  onView(): void; // the camera moved or something was redrawn
  onTouch(): void; // the user moved the camera: stop following
  onPick(id: string | null): void; // node or stroke clicked, null = the ground
  onHover(id: string | null): void; // stroke
}

export interface Drawing {
  scene: Scene;
  at: (id: string) => Point | undefined; // places now, also in the middle of a move
  overlay: Set<string>; // nodes that HTML draws
  focus: string | null; // selected or hovered node: its strokes stand out
  palette: Palette;
  phase: number; // of the moving dashes, px
}

export interface View {
  readonly kind: 'webgl' | 'canvas';
  draw(drawing: Drawing): void;
  redraw(): void; // places changed, nothing else
  repaint(): void; // the phase changed, nothing else
  toScreen(p: Point): Point;
  toWorld(p: Point): Point;
  scale(): number; // pixels per unit
  width(): number; // pixels
  zoom(factor: number): void;
  pan(dx: number, dy: number, animate?: boolean): void; // pixels
  fit(bounds: Bounds, insets: Insets, animate: boolean): void;
  resize(): void;
  destroy(): void;
}

export const MIN_SCALE = 0.02;
export const MAX_SCALE = 4;

// The scale and centre that show `bounds` in what the insets leave of the screen.
export function fitted(bounds: Bounds, insets: Insets, width: number, height: number) {
  const w = Math.max(80, width - insets.left - insets.right);
  const h = Math.max(80, height - insets.top - insets.bottom);
  const scale = Math.min(w / Math.max(1, bounds.x1 - bounds.x0), h / Math.max(1, bounds.y1 - bounds.y0), 1.15);
  // Where the middle of the bounds must be for the free part's middle to show it.
  const x = (bounds.x0 + bounds.x1) / 2 + (width / 2 - (insets.left + w / 2)) / scale;
  const y = (bounds.y0 + bounds.y1) / 2 + (height / 2 - (insets.top + h / 2)) / scale;

  return { scale: Math.max(MIN_SCALE, scale), x, y };
}

// How a stroke looks: width in px, dash and gap in px (0 = solid), moving or not.
export const STROKES: Record<StrokeEffect, { width: number; dash: number; gap: number; moving: boolean }> = {
  allow: { width: 1.4, dash: 0, gap: 0, moving: false },
  alert: { width: 2, dash: 9, gap: 5, moving: true },
  prevent: { width: 2.2, dash: 3, gap: 5, moving: false },
  block: { width: 2.6, dash: 3, gap: 5, moving: false },
};

export const QUIET = 0.35; // what is left of the colour of strokes that are not looked at

// "#rrggbb" or "#rgb" of which `share` is left over a background. Opaque: sigma adds translucent colours up.
export function mix(color: string, background: string, share: number): string {
  const long = (hex: string) => hex.replace(/^#(.)(.)(.)$/, '#$1$1$2$2$3$3');
  const parts = (hex: string) => /^#(..)(..)(..)$/.exec(long(hex))?.slice(1).map((p) => parseInt(p, 16));
  const a = parts(color);
  const b = parts(background);

  if (!a || !b) return color;
  return `#${a.map((v, i) => Math.round(v * share + b[i] * (1 - share)).toString(16).padStart(2, '0')).join('')}`;
}
