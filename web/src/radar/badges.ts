// SPDX-License-Identifier: Apache-2.0
// What the Console says of a node beside its state.
import type { IconName } from '../core/icons';
import type { NodeKind } from '../core/types';

export const BADGES: Record<string, { icon: IconName; text: string }> = {
  incident: { icon: 'incident', text: 'has an open incident' },
  learning: { icon: 'learning', text: 'its model is learning' },
  untrusted: { icon: 'unsealed', text: 'image is not trusted' },
  compliance: { icon: 'compliance', text: 'has critical compliance findings' },
  internet: { icon: 'internet', text: 'talks to the internet' },
  privileged: { icon: 'shield', text: 'runs privileged' },
};
const DRAWN = ['incident', 'compliance', 'untrusted']; // the others are said, not drawn

export interface DrawnBadge {
  id: string;
  text: string;
}

// The host's badges are the words of what critically fails on it: one mark stands for them.
export function shownBadges(kind: NodeKind, badges: string[] | null | undefined): DrawnBadge[] {
  if (kind === 'host') return badges?.length ? [{ id: 'compliance', text: badges.map((b) => BADGES[b]?.text ?? b).join(', ') }] : [];
  return DRAWN.filter((b) => badges?.includes(b)).slice(0, 2).map((id) => ({ id, text: BADGES[id].text }));
}
