// SPDX-License-Identifier: Apache-2.0
// Who is signed in. `undefined` = not asked yet, `null` = nobody.
import { signal } from '@preact/signals';
import { get, Problem, send, whenUnauthorized } from './api';

export interface User {
  user: string;
  role: string;
}

export const user = signal<User | null | undefined>(undefined);
export const unreachable = signal(false); // the Console did not answer the first question

whenUnauthorized(() => {
  user.value = null;
});

export async function restore(): Promise<void> {
  try {
    user.value = await get<User>('/me');
    unreachable.value = false;
  } catch (e) {
    if (e instanceof Problem && e.status === 401) user.value = null;
    else unreachable.value = true;
  }
}

export async function login(name: string, password: string): Promise<void> {
  user.value = await send<User>('POST', '/login', { body: { user: name, password } });
}

export async function logout(): Promise<void> {
  await send('POST', '/logout').catch(() => undefined);
  user.value = null;
}
