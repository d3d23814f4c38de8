// SPDX-License-Identifier: Apache-2.0
// What the Console says of a node beside its state.
import type { IconName } from '../core/icons';

export const BADGES: Record<string, { icon: IconName; text: string }> = {
  incident: { icon: 'incident', text: 'has an open incident' },
  learning: { icon: 'learning', text: 'its model is learning' },
  untrusted: { icon: 'unsealed', text: 'image is not trusted' },
  compliance: { icon: 'compliance', text: 'has critical compliance findings' },
  internet: { icon: 'internet', text: 'talks to the internet' },
  privileged: { icon: 'shield', text: 'runs privileged' },
};
const DRAWN = ['incident', 'compliance', 'untrusted']; // the others are said, not drawn

export function shownBadges(badges: string[] | null | undefined): string[] {
  return DRAWN.filter((b) => badges?.includes(b)).slice(0, 2);
}
