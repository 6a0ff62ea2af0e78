import type { Player } from './player.entity.js';

/** The player's own data, as the game's front end sees it. */
export interface PlayerView {
  readonly id: string;
  /** The identity system; a user id means nothing without it. */
  readonly provider: string;
  readonly userId: string;
  readonly displayName: string | null;
  readonly countryCode: string | null;
  readonly coins: number;
}

export function playerView({ id, provider, userId, displayName, countryCode, coins }: Player): PlayerView {
  return { id, provider, userId, displayName, countryCode, coins };
}
