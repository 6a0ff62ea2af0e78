import type { Player } from './player.entity.js';

/** What the game's front end sees of its own player. */
export interface PlayerView {
  readonly id: string;
  readonly userId: string;
  readonly displayName: string | null;
  readonly countryCode: string | null;
  readonly coins: number;
}

export function playerView({ id, userId, displayName, countryCode, coins }: Player): PlayerView {
  return { id, userId, displayName, countryCode, coins };
}
