// SPDX-License-Identifier: Apache-2.0
// The Radar on WebGL, by sigma: all strokes, and the nodes that the HTML overlay leaves to it.
// Positions are our own units; sigma's rescaling is pinned by a fixed bounding box.
import Graph from 'graphology';
import Sigma from 'sigma';
import { dashProgram, lineProgram } from './dash_program';
import type { Point } from './layout';
import { isStopped } from './state';
import { type Drawing, fitted, MAX_SCALE, MIN_SCALE, mix, QUIET, STROKES, type View, type ViewHandlers } from './view';

const BOX = 500; // half of the side of the bounding box, units
const FIT_MS = 500;
const PAN_MS = 260;

export function hasWebGL(): boolean {
  try {
    const gl = document.createElement('canvas').getContext('webgl2');

    gl?.getExtension('WEBGL_lose_context')?.loseContext();
    return gl !== null;
  } catch {
    return false;
  }
}

export function glView(element: HTMLElement, handlers: ViewHandlers): View {
  const graph = new Graph({ multi: true, type: 'directed' });
  let drawing: Drawing | null = null;
  const phase = () => (drawing ? drawing.phase : 0);
  const sigma = new Sigma(graph, element, {
    allowInvalidContainer: true,
    renderLabels: false,
    enableEdgeEvents: true,
    autoRescale: true,
    itemSizesReference: 'screen',
    zoomToSizeRatioFunction: (ratio) => ratio,
    minEdgeThickness: 0.6,
    stagePadding: 0,
    zIndex: true,
    edgeProgramClasses: {
      line: lineProgram(),
      alert: dashProgram({ ...STROKES.alert, phase }),
      prevent: dashProgram({ ...STROKES.prevent, phase: () => 0 }),
      block: dashProgram({ ...STROKES.block, phase: () => 0 }),
    },
  });
  const camera = sigma.getCamera();

  sigma.setCustomBBox({ x: [-BOX, BOX], y: [-BOX, BOX] });
  const unit = () => Math.min(element.clientWidth, element.clientHeight) / (2 * BOX); // px per unit at ratio 1
  const limits = () => {
    sigma.setSetting('minCameraRatio', unit() / MAX_SCALE);
    sigma.setSetting('maxCameraRatio', unit() / MIN_SCALE);
  };
  limits();
  sigma.on('afterRender', handlers.onView);
  sigma.on('clickNode', ({ node }) => handlers.onPick(node));
  sigma.on('clickEdge', ({ edge }) => handlers.onPick(edge));
  sigma.on('clickStage', () => handlers.onPick(null));
  sigma.on('enterEdge', ({ edge }) => handlers.onHover(edge));
  sigma.on('leaveEdge', () => handlers.onHover(null));
  sigma.on('doubleClickNode', (e) => e.preventSigmaDefault());
  sigma.getMouseCaptor().on('wheel', handlers.onTouch);
  sigma.getMouseCaptor().on('mousedown', handlers.onTouch);
  sigma.getTouchCaptor().on('touchdown', handlers.onTouch);

  const view: View = {
    kind: 'webgl',
    draw(next) {
      drawing = next;
      sync(graph, next, unit());
      sigma.refresh();
    },
    redraw() {
      if (!drawing) return;
      const { at } = drawing;
      graph.updateEachNodeAttributes((id, attributes) => {
        const p = at(id);
        if (!p) return attributes;
        attributes.x = p.x;
        attributes.y = -p.y;
        return attributes;
      }, { attributes: ['x', 'y'] });
      sigma.refresh();
    },
    repaint: () => sigma.scheduleRender(),
    toScreen: (p: Point) => sigma.graphToViewport({ x: p.x, y: -p.y }),
    toWorld(p: Point) {
      const g = sigma.viewportToGraph(p);
      return { x: g.x, y: -g.y };
    },
    scale: () => unit() / camera.getState().ratio,
    width: () => element.clientWidth,
    zoom(factor) {
      handlers.onTouch();
      void camera.animate({ ratio: camera.getBoundedRatio(camera.getState().ratio / factor) }, { duration: 160 });
    },
    pan(dx, dy, animate = false) {
      const a = sigma.viewportToFramedGraph({ x: 0, y: 0 });
      const b = sigma.viewportToFramedGraph({ x: dx, y: dy });
      const s = camera.getState();
      const target = { ...s, x: s.x + b.x - a.x, y: s.y + b.y - a.y };
      if (animate) void camera.animate(target, { duration: PAN_MS });
      else camera.setState(target);
    },
    fit(bounds, insets, animate) {
      const f = fitted(bounds, insets, element.clientWidth, element.clientHeight);
      // In the camera's frame the bounding box is the unit square.
      const target = { x: 0.5 + f.x / (2 * BOX), y: 0.5 - f.y / (2 * BOX), ratio: unit() / f.scale, angle: 0 };
      if (animate) void camera.animate(target, { duration: FIT_MS, easing: 'quadraticInOut' });
      else camera.setState(target);
    },
    resize() {
      sigma.resize();
      limits();
      sigma.refresh();
    },
    destroy: () => sigma.kill(),
  };
  return view;
}

// Makes sigma's graph the scene, changing only what differs.
function sync(graph: Graph, d: Drawing, unit: number): void {
  const nodes = new Set(d.scene.nodes.map((n) => n.id));
  const strokes = new Set(d.scene.strokes.map((s) => s.id));

  for (const id of graph.edges()) if (!strokes.has(id)) graph.dropEdge(id);
  for (const id of graph.nodes()) if (!nodes.has(id)) graph.dropNode(id);
  for (const n of d.scene.nodes) {
    const p = d.at(n.id) ?? n;
    // Not `hidden`: sigma hides the strokes of a hidden node too.
    const inHtml = d.overlay.has(n.id);
    graph.mergeNode(n.id, {
      x: p.x, y: -p.y, size: inHtml ? 0.001 : n.r * unit,
      color: inHtml ? 'rgba(0,0,0,0)' : d.palette.node[isStopped(n.state) ? 'red' : n.color] ?? d.palette.node.grey,
    });
  }
  for (const s of d.scene.strokes) {
    const near = d.focus !== null && (s.from === d.focus || s.to === d.focus);
    const look = STROKES[s.effect];
    const color = s.tether ? d.palette.tether : d.palette.stroke[s.effect];
    const quiet = s.dim || (d.focus !== null && !near);
    graph.mergeEdgeWithKey(s.id, s.from, s.to, {
      size: s.tether ? 1 : look.width * (near ? 1.5 : 1),
      type: s.effect === 'allow' ? 'line' : s.effect,
      color: quiet ? mix(color, d.palette.surface, QUIET) : color,
      zIndex: s.tether ? 0 : near ? 3 : s.effect === 'allow' ? 1 : 2,
    });
  }
}
