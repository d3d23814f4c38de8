// SPDX-License-Identifier: Apache-2.0
// Search, filters and export of the Radar.
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../core/icons';
import { count } from '../core/format';
import { incidents, radar, radarVersion, status } from '../core/live';
import { Link } from '../core/router';
import type { Filters, Scene } from './scene';

const STATES = ['running', 'paused', 'created', 'blocked', 'refused', 'exited'];

interface Props {
  filters: Filters;
  onFilters: (f: Filters) => void;
  search: RefObject<HTMLInputElement>;
  scene: Scene;
  onExportJson: () => void;
  onExportImage: () => void;
}

export function Toolbar({ filters, onFilters, search, scene, onExportJson, onExportImage }: Props) {
  const active = filters.hidden.size + Number(filters.troubled) + Number(!filters.images) + Number(!filters.surroundings);
  const hits = filters.search ? scene.nodes.filter((n) => !n.dim).length : 0;
  const toggleState = (s: string) => {
    const hidden = new Set(filters.hidden);
    if (!hidden.delete(s)) hidden.add(s);
    onFilters({ ...filters, hidden });
  };

  return (
    <div class="radar-tools" role="toolbar" aria-label="Radar tools">
      <label class="search">
        <Icon name="search" size={16} />
        <input ref={search} type="search" placeholder="Search name, image, process, port, country" value={filters.search}
          aria-label="Search the Radar" data-testid="radar-search"
          onInput={(e) => onFilters({ ...filters, search: e.currentTarget.value })} />
        {filters.search ? <span class="hits">{hits}</span> : <kbd>/</kbd>}
      </label>
      <Menu icon="filter" text={active ? `Filter (${active})` : 'Filter'}>
        <fieldset>
          <legend>Containers</legend>
          {STATES.map((s) => (
            <label key={s} class="check"><input type="checkbox" checked={!filters.hidden.has(s)} onChange={() => toggleState(s)} />{s}</label>
          ))}
        </fieldset>
        <fieldset>
          <legend>Show</legend>
          <label class="check"><input type="checkbox" checked={filters.troubled}
            onChange={() => onFilters({ ...filters, troubled: !filters.troubled })} />only with findings</label>
          <label class="check"><input type="checkbox" checked={filters.images}
            onChange={() => onFilters({ ...filters, images: !filters.images })} />images</label>
          <label class="check"><input type="checkbox" checked={filters.surroundings}
            onChange={() => onFilters({ ...filters, surroundings: !filters.surroundings })} />hosts and networks</label>
        </fieldset>
      </Menu>
      <Menu icon="download" text="Export">
        <button type="button" class="item" onClick={onExportImage}>Image (PNG)</button>
        <button type="button" class="item" onClick={onExportJson}>Data (JSON)</button>
      </Menu>
      <Summary />
    </div>
  );
}

function Summary() {
  void radarVersion.value;
  const containers = [...radar.nodes.values()].filter((n) => n.kind === 'container');
  const running = containers.filter((n) => n.state === 'running').length;
  const blocked = containers.filter((n) => n.state === 'blocked').length;
  const refused = containers.filter((n) => n.state === 'refused').length;
  const open = incidents.value.filter((i) => i.state === 'open').length;
  const ready = status.value?.ready;

  return (
    <div class="summary" aria-live="polite">
      <span class="state-running"><Icon name="container" size={15} /><b>{count(running)}</b>running</span>
      {blocked > 0 && <span class="state-blocked"><Icon name="blocked" size={15} /><b>{count(blocked)}</b>blocked</span>}
      {refused > 0 && <span class="state-refused"><Icon name="refused" size={15} /><b>{count(refused)}</b>refused</span>}
      {open > 0 && <Link href="/incidents" class="effect-alert"><Icon name="incident" size={15} /><b>{count(open)}</b>{open === 1 ? 'incident' : 'incidents'}</Link>}
      {status.value && (
        <Link href="/defenders" class={ready ? 'state-running' : 'state-blocked'}><Icon name={ready ? 'defender' : 'incident'} size={15} />{ready ? 'enforcing' : 'not enforcing'}</Link>
      )}
    </div>
  );
}

interface MenuProps {
  icon: 'filter' | 'download';
  text: string;
  children: preact.ComponentChildren;
}

function Menu({ icon, text, children }: MenuProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    if (!open) return undefined;
    const close = (e: Event) => {
      if (!box.current?.contains(e.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', close);
    return () => document.removeEventListener('pointerdown', close);
  }, [open]);
  const onKey = (e: KeyboardEvent) => {
    if (e.key !== 'Escape' || !open) return;
    e.stopPropagation();
    setOpen(false);
  };
  return (
    <div class="menu" ref={box} onKeyDown={onKey}>
      <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name={icon} size={16} />{text}</button>
      {open && <div class="menu-body">{children}</div>}
    </div>
  );
}
