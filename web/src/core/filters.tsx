// SPDX-License-Identifier: Apache-2.0
// Filters that are part of a page's address: they survive a reload and can be sent to somebody.
import { location, navigate } from './router';

export function filterOf(name: string): string {
  return location.value.query.get(name) ?? '';
}

export function setFilter(name: string, value: string): void {
  const q = new URLSearchParams(location.value.query);

  if (value) q.set(name, value);
  else q.delete(name);
  navigate(`${location.value.path}${q.toString() ? `?${q}` : ''}`, true);
}

interface SelectProps {
  name: string;
  all: string;
  values: readonly string[];
  text?: (v: string) => string;
}

export function FilterSelect({ name, all, values, text = (v) => v }: SelectProps) {
  const value = filterOf(name);

  return (
    <select aria-label={name} value={value} class={value ? 'set' : ''} data-testid={`filter-${name}`} onChange={(e) => setFilter(name, e.currentTarget.value)}>
      <option value="">{all}</option>
      {values.map((v) => <option key={v} value={v}>{text(v)}</option>)}
    </select>
  );
}

interface InputProps {
  name: string;
  placeholder: string;
  values?: string[]; // suggestions
  hint?: string;
}

export function FilterInput({ name, placeholder, values = [], hint }: InputProps) {
  const value = filterOf(name);

  return (
    <>
      <input type="search" placeholder={placeholder} aria-label={name} title={hint} value={value} class={value ? 'set' : ''} data-testid={`filter-${name}`}
        list={values.length ? `known-${name}` : undefined} onChange={(e) => setFilter(name, e.currentTarget.value.trim())} />
      {values.length > 0 && <datalist id={`known-${name}`}>{values.map((v) => <option key={v} value={v} />)}</datalist>}
    </>
  );
}

interface ChoiceProps {
  name: string;
  label: string;
  values: readonly (readonly [string, string])[]; // value, what it is called
  fallback?: string; // the value when the address has none
}

export function FilterChoice({ name, label, values, fallback = '' }: ChoiceProps) {
  const value = filterOf(name) || fallback;
  const choose = (v: string) => setFilter(name, v === fallback ? '' : v);
  const move = (e: KeyboardEvent) => {
    const by = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0;
    const next = values.findIndex(([v]) => v === value) + by;
    if (!by || !values[next]) return;
    e.preventDefault();
    choose(values[next][0]);
    (e.currentTarget as HTMLElement).querySelectorAll('button')[next]?.focus();
  };

  return (
    <div class="segmented" role="radiogroup" aria-label={label} data-testid={`filter-${name}`} data-value={value} onKeyDown={move}>
      {values.map(([v, text]) => (
        <button key={v} type="button" role="radio" aria-checked={value === v} tabIndex={value === v ? 0 : -1} data-value={v} onClick={() => choose(v)}>{text}</button>
      ))}
    </div>
  );
}
