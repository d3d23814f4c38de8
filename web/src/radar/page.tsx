// SPDX-License-Identifier: Apache-2.0
// The Radar page: the live map, its tools and the side panel.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { plural } from '../core/format';
import { Icon } from '../core/icons';
import { radar, radarLoaded, radarVersion } from '../core/live';
import { location, navigate } from '../core/router';
import { theme } from '../core/theme';
import { Command, Empty, saveFile } from '../core/ui';
import { Backdrop, EdgeLabels, Legend } from './decor';
import { RadarCanvas } from './canvas';
import { exportImage } from './export';
import { Layout } from './layout';
import { EdgeList, Overlay, overlayNodes, place } from './overlay';
import { Panel } from './panel';
import { buildScene, defaultFilters, type Filters } from './scene';
import { Toolbar } from './toolbar';

const PANEL_WIDTH = 460;

// Arrow keys go to the nearest node in that direction, from the focused one.
function moveFocus(host: HTMLElement, canvas: RadarCanvas, dx: number, dy: number): void {
  const here = document.activeElement as HTMLElement | null;
  const from = here?.dataset.id ? canvas.at(here.dataset.id) : { x: 0, y: 0 };
  let best: HTMLElement | null = null;
  let bestCost = Infinity;

  if (!from) return;
  for (const element of host.children as HTMLCollectionOf<HTMLElement>) {
    const p = element.dataset.id && element !== here ? canvas.at(element.dataset.id) : undefined;
    if (!p) continue;
    const along = (p.x - from.x) * dx + (p.y - from.y) * dy;
    const across = Math.abs((p.x - from.x) * dy) + Math.abs((p.y - from.y) * dx);
    const cost = along + across * 2;
    if (along > 1 && cost < bestCost) {
      best = element;
      bestCost = cost;
    }
  }
  best?.focus();
}

const KEYS: Record<string, (c: RadarCanvas) => void> = {
  '+': (c) => c.view.zoom(1.4),
  '=': (c) => c.view.zoom(1.4),
  '-': (c) => c.view.zoom(1 / 1.4),
  0: (c) => c.fit(),
};
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function RadarPage() {
  const stage = useRef<HTMLDivElement>(null);
  const overlay = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const layout = useRef(new Layout());
  const [canvas, setCanvas] = useState<RadarCanvas | null>(null);
  const [filters, setFilters] = useState<Filters>(defaultFilters);
  const [hover, setHover] = useState<string | null>(null);
  const [hoverStroke, setHoverStroke] = useState<string | null>(null);
  const view = useSignal(0); // rises with the camera
  const version = radarVersion.value;
  const selected = location.value.query.get('node');
  const select = (id: string | null) => navigate(id && id !== selected ? `/?node=${encodeURIComponent(id)}` : '/', true);
  const selectRef = useRef(select);
  selectRef.current = select;

  const scene = useMemo(
    () => buildScene(radar, layout.current, { filters, expanded: expandedImage(selected), now: Date.now() }),
    [version, filters, selected],
  );
  const sceneRef = useRef(scene);
  sceneRef.current = scene;
  const nodes = useMemo(() => overlayNodes(scene), [scene]);
  const known = selected !== null && radar.nodes.has(selected);

  useEffect(() => {
    const element = stage.current as HTMLDivElement;
    const c: RadarCanvas = new RadarCanvas(element, {
      onPick: (id) => selectRef.current(resolvePick(sceneRef.current, id)),
      onHover: setHoverStroke,
      onView: () => {
        if (overlay.current) place(overlay.current, c);
        view.value++;
      },
    });
    const observer = new ResizeObserver(() => c.resize());

    observer.observe(element);
    setCanvas(c);
    return () => {
      observer.disconnect();
      c.destroy();
    };
  }, []);
  
  // Before the browser paints: a new node is never seen where it is not.
  useLayoutEffect(() => {
    canvas?.setScene(scene, new Set(nodes.map((n) => n.id)), hover ?? (known ? selected : null));
  }, [canvas, scene, nodes, hover, known, selected, theme.value]);
  useEffect(() => canvas?.setPanel(known ? PANEL_WIDTH : 0, selected), [canvas, known, selected]);

  const onKey = (e: KeyboardEvent) => {
    if (!canvas || !overlay.current || (e.target as HTMLElement).closest('input, .panel')) return;
    if (e.key === '/') {
      e.preventDefault();
      search.current?.focus();
    } else if (e.key === 'Escape') {
      select(null);
    } else if (ARROWS[e.key]) {
      e.preventDefault();
      moveFocus(overlay.current, canvas, ...ARROWS[e.key]);
    } else {
      KEYS[e.key]?.(canvas);
    }
  };
  // The canvas turns with the wheel also where an element lies over it.
  const onWheel = (e: WheelEvent) => {
    if (!(e.target as HTMLElement).closest('.radar-overlay')) return;
    e.preventDefault();
    const target = stage.current?.querySelector('.sigma-mouse, .radar-flat');
    target?.dispatchEvent(new WheelEvent('wheel', e));
  };

  const empty = radarLoaded.value && ![...radar.nodes.values()].some((n) => n.kind === 'container' || n.kind === 'image');
  return (
    <section class={`radar ${known ? 'with-panel' : ''}`} data-testid="radar" data-renderer={canvas?.view.kind}
      data-clustered={scene.clustered} aria-label="Radar" onKeyDown={onKey} onWheel={onWheel}>
      <div class="radar-stage">
        {canvas && <Backdrop canvas={canvas} places={scene.places} groups={scene.groups} view={view} />}
        <div class="radar-canvas" ref={stage} />
        {canvas && <EdgeLabels canvas={canvas} scene={scene} focus={hover ?? selected} stroke={hoverStroke} view={view} />}
        <Overlay scene={scene} nodes={nodes} state={radar} selected={selected} canvas={canvas} host={overlay}
          onSelect={(id) => select(id)} onHover={setHover} />
        <EdgeList state={radar} />
        {empty && (
          <Empty icon="container" title="No container is running on this host">
            <p>Start one and it appears here by itself:</p>
            <Command text="docker run -d --name web nginx" />
          </Empty>
        )}
      </div>
      <Toolbar filters={filters} onFilters={setFilters} search={search} scene={scene}
        onExportJson={() => saveFile('radar.json', JSON.stringify(snapshot(), null, 2))}
        onExportImage={() => canvas && exportImage(canvas, scene)} />
      <Legend />
      {canvas && (
        <div class="zoom" role="group" aria-label="Zoom">
          <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick={() => canvas.view.zoom(1.4)}><Icon name="plus" /></button>
          <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick={() => canvas.view.zoom(1 / 1.4)}><Icon name="minus" /></button>
          <button type="button" aria-label="Show everything" title="Show everything (0)" onClick={() => canvas.fit()}><Icon name="fit" /></button>
        </div>
      )}
      {scene.clustered && (
        <p class="radar-note" role="status">
          {plural(scene.containers, 'container')}: drawn as images. Select an image or search to see its containers.
        </p>
      )}
      {known && <Panel id={selected} onClose={() => select(null)} onSelect={(id) => select(id)} onReveal={(id) => canvas?.reveal(id)} />}
    </section>
  );
}

function snapshot() {
  return { time: new Date().toISOString(), nodes: [...radar.nodes.values()], edges: [...radar.edges.values()] };
}

// A selected image, or the image of a selected container, is drawn in detail.
function expandedImage(selected: string | null): string | null {
  const n = selected ? radar.nodes.get(selected) : undefined;

  return n?.kind === 'image' ? n.id : (n?.parent ?? null);
}

// A stroke stands for the node that it starts from.
function resolvePick(scene: { strokes: { id: string; from: string }[] }, id: string | null): string | null {
  if (id === null) return null;
  return scene.strokes.find((s) => s.id === id)?.from ?? id;
}
