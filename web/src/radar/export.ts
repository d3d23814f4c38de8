// SPDX-License-Identifier: Apache-2.0
// The Radar as an image: drawn once more on a plain canvas, with names, at twice the size.
import { cssColor } from '../core/theme';
import { saveFile } from '../core/ui';
import type { RadarCanvas } from './canvas';
import { readPalette } from './canvas';
import { drawDiscs, drawStrokes } from './flat_view';
import { label } from './overlay';
import type { Scene } from './scene';

const ZOOM = 2;

export function exportImage(canvas: RadarCanvas, scene: Scene): void {
  const width = window.innerWidth;
  const height = window.innerHeight;
  const sheet = document.createElement('canvas');
  const ctx = sheet.getContext('2d');
  const drawing = canvas.current();

  if (!ctx || !drawing) return;
  const palette = readPalette();
  sheet.width = width * ZOOM;
  sheet.height = height * ZOOM;
  ctx.scale(ZOOM, ZOOM);
  ctx.fillStyle = cssColor('bg');
  ctx.fillRect(0, 0, width, height);
  const d = { ...drawing, scene, overlay: new Set<string>(), palette };
  const toScreen = (p: { x: number; y: number }) => canvas.view.toScreen(p);
  drawStrokes(ctx, d, toScreen);
  drawDiscs(ctx, d, toScreen, canvas.view.scale());
  ctx.font = '500 12px "Inter Variable", system-ui, sans-serif';
  ctx.textAlign = 'center';
  ctx.fillStyle = palette.text;
  for (const n of scene.nodes) {
    const p = toScreen(n);
    ctx.fillText(label(n), p.x, p.y + n.r * canvas.view.scale() + 15);
  }
  ctx.textAlign = 'left';
  ctx.fillStyle = palette.muted;
  ctx.fillText(`Seawall Radar · ${new Date().toISOString()}`, 20, height - 16);
  sheet.toBlob((blob) => {
    if (blob) saveFile('radar.png', blob);
  });
}
