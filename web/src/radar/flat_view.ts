// SPDX-License-Identifier: Apache-2.0
// The Radar on a plain 2D canvas: where WebGL is missing, and for the exported image.
import type { Point } from './layout';
import { isStopped } from './state';
import { type Drawing, fitted, MAX_SCALE, MIN_SCALE, mix, QUIET, STROKES, type View, type ViewHandlers } from './view';

const PICK_PX = 6;

export function drawStrokes(ctx: CanvasRenderingContext2D, d: Drawing, toScreen: (p: Point) => Point): void {
  const ordered = [...d.scene.strokes].sort((a, b) => Number(a.effect !== 'allow') - Number(b.effect !== 'allow'));

  for (const s of ordered) {
    const a = d.at(s.from);
    const b = d.at(s.to);
    if (!a || !b) continue;
    const look = STROKES[s.effect];
    const near = d.focus !== null && (s.from === d.focus || s.to === d.focus);
    const color = s.tether ? d.palette.tether : d.palette.stroke[s.effect];
    const from = toScreen(a);
    const to = toScreen(b);
    ctx.strokeStyle = s.dim || (d.focus !== null && !near) ? mix(color, d.palette.surface, QUIET) : color;
    ctx.lineWidth = s.tether ? 1 : look.width * (near ? 1.5 : 1);
    ctx.setLineDash(look.dash ? [look.dash, look.gap] : []);
    ctx.lineDashOffset = look.moving ? -d.phase : 0;
    ctx.beginPath();
    ctx.moveTo(from.x, from.y);
    ctx.lineTo(to.x, to.y);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

export function drawDiscs(ctx: CanvasRenderingContext2D, d: Drawing, toScreen: (p: Point) => Point, scale: number): void {
  for (const n of d.scene.nodes) {
    const p = d.at(n.id);
    if (!p || d.overlay.has(n.id)) continue;
    const at = toScreen(p);
    ctx.beginPath();
    ctx.arc(at.x, at.y, Math.max(1.5, n.r * scale), 0, 2 * Math.PI);
    ctx.fillStyle = d.palette.node[isStopped(n.state) ? 'red' : n.color] ?? d.palette.node.grey;
    ctx.fill();
  }
}

function distanceToStroke(p: Point, a: Point, b: Point): number {
  const length = (b.x - a.x) ** 2 + (b.y - a.y) ** 2;
  const t = length ? Math.max(0, Math.min(1, ((p.x - a.x) * (b.x - a.x) + (p.y - a.y) * (b.y - a.y)) / length)) : 0;

  return Math.hypot(p.x - a.x - t * (b.x - a.x), p.y - a.y - t * (b.y - a.y));
}

function pick(d: Drawing, p: Point, toScreen: (p: Point) => Point, scale: number): string | null {
  for (const n of d.scene.nodes) {
    const at = d.at(n.id);
    if (!at) continue;
    const s = toScreen(at);
    if (Math.hypot(s.x - p.x, s.y - p.y) < Math.max(4, n.r * scale)) return n.id;
  }
  for (const s of d.scene.strokes) {
    const a = d.at(s.from);
    const b = d.at(s.to);
    if (a && b && !s.tether && distanceToStroke(p, toScreen(a), toScreen(b)) < PICK_PX) return s.id;
  }
  return null;
}

export function flatView(element: HTMLElement, handlers: ViewHandlers): View {
  const canvas = document.createElement('canvas');
  const ctx = canvas.getContext('2d') as CanvasRenderingContext2D;
  const camera = { x: 0, y: 0, scale: 1 };
  let drawing: Drawing | null = null;
  let frame = 0;
  let drag: { x: number; y: number; moved: boolean } | null = null;

  canvas.className = 'radar-flat';
  element.append(canvas);
  const toScreen = (p: Point) => ({
    x: element.clientWidth / 2 + (p.x - camera.x) * camera.scale,
    y: element.clientHeight / 2 + (p.y - camera.y) * camera.scale,
  });
  const toWorld = (p: Point) => ({
    x: camera.x + (p.x - element.clientWidth / 2) / camera.scale,
    y: camera.y + (p.y - element.clientHeight / 2) / camera.scale,
  });
  const paint = () => {
    frame = 0;
    const ratio = window.devicePixelRatio || 1;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, element.clientWidth, element.clientHeight);
    if (drawing) {
      drawStrokes(ctx, drawing, toScreen);
      drawDiscs(ctx, drawing, toScreen, camera.scale);
    }
    handlers.onView();
  };
  const schedule = () => {
    if (!frame) frame = requestAnimationFrame(paint);
  };
  const zoomAt = (p: Point, factor: number) => {
    const before = toWorld(p);
    camera.scale = Math.max(MIN_SCALE, Math.min(MAX_SCALE, camera.scale * factor));
    const after = toWorld(p);
    camera.x += before.x - after.x;
    camera.y += before.y - after.y;
    schedule();
  };
  const resize = () => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = element.clientWidth * ratio;
    canvas.height = element.clientHeight * ratio;
    schedule();
  };

  canvas.addEventListener('wheel', (e) => {
    e.preventDefault();
    handlers.onTouch();
    zoomAt({ x: e.offsetX, y: e.offsetY }, Math.exp(-e.deltaY / 400));
  }, { passive: false });
  canvas.addEventListener('pointerdown', (e) => {
    drag = { x: e.clientX, y: e.clientY, moved: false };
    canvas.setPointerCapture(e.pointerId);
  });
  canvas.addEventListener('pointermove', (e) => {
    if (!drag) {
      if (drawing) handlers.onHover(pick(drawing, { x: e.offsetX, y: e.offsetY }, toScreen, camera.scale));
      return;
    }
    if (!drag.moved && Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 4) return;
    handlers.onTouch();
    camera.x -= (e.clientX - drag.x) / camera.scale;
    camera.y -= (e.clientY - drag.y) / camera.scale;
    drag = { x: e.clientX, y: e.clientY, moved: true };
    schedule();
  });
  canvas.addEventListener('pointerup', (e) => {
    if (drag && !drag.moved && drawing) handlers.onPick(pick(drawing, { x: e.offsetX, y: e.offsetY }, toScreen, camera.scale));
    drag = null;
  });
  resize();
  return {
    kind: 'canvas',
    draw(next) {
      drawing = next;
      paint();
    },
    redraw: schedule,
    repaint: schedule,
    toScreen,
    toWorld,
    scale: () => camera.scale,
    width: () => element.clientWidth,
    zoom(factor) {
      handlers.onTouch();
      zoomAt({ x: element.clientWidth / 2, y: element.clientHeight / 2 }, factor);
    },
    pan(dx, dy) {
      camera.x += dx / camera.scale;
      camera.y += dy / camera.scale;
      schedule();
    },
    fit(bounds, insets) {
      Object.assign(camera, fitted(bounds, insets, element.clientWidth, element.clientHeight));
      schedule();
    },
    resize,
    destroy() {
      cancelAnimationFrame(frame);
      canvas.remove();
    },
  };
}
