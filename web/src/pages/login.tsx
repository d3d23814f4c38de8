// SPDX-License-Identifier: Apache-2.0
// The login page.
import { useState } from 'preact/hooks';
import { Problem } from '../core/api';
import { Logo } from '../core/icons';
import { login } from '../core/session';

function explain(e: unknown): string {
  if (!(e instanceof Problem)) return 'Something went wrong. Try again.';
  if (e.status === 401) return 'User or password is wrong.';
  if (e.status === 429) return 'Too many attempts. Wait a minute, then try again.';
  return e.message;
}

export function LoginPage() {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await login(name, password);
    } catch (problem) {
      setError(explain(problem));
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <form class="card" onSubmit={submit}>
        <Logo size={46} />
        <h1>Seawall</h1>
        <p class="muted">Sign in to the Console</p>
        <label>User
          <input data-testid="login-user" name="username" autocomplete="username" autofocus required value={name}
            onInput={(e) => setName(e.currentTarget.value)} />
        </label>
        <label>Password
          <input data-testid="login-password" name="password" type="password" autocomplete="current-password" required
            value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
        </label>
        {error && <p class="error" role="alert" data-testid="login-error">{error}</p>}
        <button data-testid="login-submit" class="button primary" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
        <p class="hint muted">First time? The user is <code>admin</code>; its one-time password was printed when Seawall started.</p>
      </form>
    </main>
  );
}
