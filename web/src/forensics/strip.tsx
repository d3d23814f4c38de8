// SPDX-License-Identifier: Apache-2.0
// The whole recording at a glance: how much happened when, where the alarms are; drag to choose a time.
import { useRef, useState } from 'preact/hooks';
import { clock } from '../core/format';
import type { FlightEvent } from '../core/types';
import type { Bar, Category } from './story';

const HEIGHT = 56;
const STACK: Category[] = ['process', 'network', 'container', 'gap', 'audit'];
const MIN_DRAG_PX = 4;

interface Props {
  bars: Bar[];
  alarms: FlightEvent[];
  from: number | null;
  to: number | null;
  onRange: (from: number | null, to: number | null) => void;
}

export function Strip({ bars, alarms, from, to, onRange }: Props) {
  const svg = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<{ x: number; now: number } | null>(null);
  const start = bars[0].from;
  const span = bars[bars.length - 1].to - start;
  const max = Math.max(...bars.map((b) => b.total));
  const x = (time: number) => ((time - start) / span) * 1000;
  const timeAt = (clientX: number) => {
    const box = (svg.current as SVGSVGElement).getBoundingClientRect();
    return start + Math.max(0, Math.min(1, (clientX - box.left) / box.width)) * span;
  };
  const finish = (e: PointerEvent) => {
    if (!drag) return;
    const moved = Math.abs(e.clientX - drag.x) >= MIN_DRAG_PX;
    const range = [timeAt(drag.x), timeAt(e.clientX)].sort((a, b) => a - b);
    setDrag(null);
    onRange(moved ? range[0] : null, moved ? range[1] : null);
  };
  const sel = drag ? [timeAt(drag.x), timeAt(drag.now)].sort((a, b) => a - b) : from !== null && to !== null ? [from, to] : null;

  return (
    <div class="strip">
      <svg ref={svg} viewBox={`0 0 1000 ${HEIGHT}`} preserveAspectRatio="none" role="img"
        aria-label={`Activity from ${clock(new Date(start).toISOString())}; ${alarms.length} audits`}
        onPointerDown={(e) => {
          (e.currentTarget as Element).setPointerCapture(e.pointerId);
          setDrag({ x: e.clientX, now: e.clientX });
        }}
        onPointerMove={(e) => drag && setDrag({ ...drag, now: e.clientX })} onPointerUp={finish}>
        {bars.map((b) => {
          let y = HEIGHT;
          return b.total > 0 && STACK.map((c) => {
            // The square root keeps single entries visible beside bursts.
            const h = (b.counts[c] / b.total) * Math.sqrt(b.total / max) * (HEIGHT - 10);
            y -= h;
            return h > 0 && <rect key={`${b.from}${c}`} class={`cat-${c}`} x={x(b.from) + 0.6} width={Math.max(1, x(b.to) - x(b.from) - 1.2)} y={y} height={h} rx="1" />;
          });
        })}
        {alarms.map((a) => <line key={a.seq} class={`alarm effect-${a.effect}`} x1={x(Date.parse(a.time))} x2={x(Date.parse(a.time))} y1="0" y2={HEIGHT} />)}
        {sel && <rect class="chosen" x={x(sel[0])} width={Math.max(1, x(sel[1]) - x(sel[0]))} y="0" height={HEIGHT} />}
      </svg>
      <div class="strip-times"><span>{clock(new Date(start).toISOString())}</span><span>drag to choose a time</span><span>{clock(new Date(start + span).toISOString())}</span></div>
    </div>
  );
}
