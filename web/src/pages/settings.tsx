// SPDX-License-Identifier: Apache-2.0
// The user's password, and what this is made of.
import { useState } from 'preact/hooks';
import { Problem, send } from '../core/api';
import { Icon } from '../core/icons';
import { status } from '../core/live';
import { user } from '../core/session';

const MIN_LENGTH = 12;

export function SettingsPage() {
  return (
    <section class="page narrow" data-testid="settings">
      <header class="page-head"><div><h1>Settings</h1></div></header>
      <PasswordCard />
      <div class="card">
        <h2>About</h2>
        <dl class="facts">
          <div class="fact"><dt>Seawall</dt><dd>{status.value?.version ?? '–'}</dd></div>
          <div class="fact"><dt>Signed in as</dt><dd>{user.value?.user} <span class="muted">({user.value?.role})</span></dd></div>
          <div class="fact"><dt>API</dt><dd><a href="/api/v1/openapi.json" target="_blank" rel="noreferrer">OpenAPI description</a></dd></div>
          <div class="fact"><dt>Licence</dt><dd>Apache-2.0; the programs in the kernel GPL-2.0</dd></div>
          <div class="fact"><dt>Countries</dt><dd><a href="https://db-ip.com" target="_blank" rel="noreferrer noopener">IP Geolocation by DB-IP</a>, CC BY 4.0</dd></div>
        </dl>
      </div>
    </section>
  );
}

function PasswordCard() {
  const [old, setOld] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const [message, setMessage] = useState<{ good: boolean; text: string } | null>(null);
  const problem = next && next.length < MIN_LENGTH ? `At least ${MIN_LENGTH} characters.` : again && next !== again ? 'The two are not the same.' : null;
  const submit = async (e: Event) => {
    e.preventDefault();
    if (problem || next !== again) return;
    try {
      await send('POST', '/password', { body: { old, new: next } });
      setMessage({ good: true, text: 'The password was changed.' });
      setOld('');
      setNext('');
      setAgain('');
    } catch (error) {
      setMessage({ good: false, text: error instanceof Problem ? error.message : 'It could not be changed.' });
    }
  };

  return (
    <form class="card form" onSubmit={submit}>
      <h2>Change password</h2>
      <input type="text" name="username" autocomplete="username" value={user.value?.user} hidden readOnly />
      <label>Present password<input type="password" autocomplete="current-password" required value={old} data-testid="password-old" onInput={(e) => setOld(e.currentTarget.value)} /></label>
      <label>New password<input type="password" autocomplete="new-password" required minLength={MIN_LENGTH} value={next} data-testid="password-new" onInput={(e) => setNext(e.currentTarget.value)} /></label>
      <label>New password again<input type="password" autocomplete="new-password" required value={again} data-testid="password-again" onInput={(e) => setAgain(e.currentTarget.value)} /></label>
      {problem && <p class="error">{problem}</p>}
      {message && <p class={message.good ? 'good inline' : 'error'} role="status"><Icon name={message.good ? 'check' : 'incident'} size={16} />{message.text}</p>}
      <button class="button primary" data-testid="password-submit" disabled={Boolean(problem) || !next}>Change password</button>
    </form>
  );
}
