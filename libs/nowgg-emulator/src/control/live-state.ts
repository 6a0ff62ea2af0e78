import type { EmulatedPlayer } from '../accounts/players.js';
import type { IssuedSecret } from '../accounts/issue-ledger.js';
import type { Fault } from '../faults/fault.js';
import type { ResolvedOptions } from '../options.js';
import type { RecordedRequest } from '../request-log.js';
import type { LocalControls } from './local-controls.js';

/** The data that the emulator's page shows, without secrets. Everything in it has a bounded size. */
export interface LiveState {
  /** Changes with a start or a reset: data shown before is no longer valid. */
  readonly run: string;
  readonly clients: readonly string[];
  readonly clock: { readonly shiftMs: number; readonly frozenAtMs?: number };
  readonly tokenLifetimeSeconds: number;
  readonly playerCount: number;
  readonly players: readonly (Pick<EmulatedPlayer, 'userId' | 'name' | 'email' | 'countryCode'> & {
    readonly banned: boolean;
  })[];
  readonly faults: readonly Fault[];
  readonly heldCalls: number;
  readonly requestCount: number;
  readonly requests: readonly (RecordedRequest & { readonly number: number })[];
  readonly issued: readonly IssuedSecret[];
}

/** Number of entries of each list that the page shows. */
const shown = { players: 200, requests: 100, issued: 100 };

/** Reads the data that the page shows. */
export function readLiveState(controls: LocalControls, options: ResolvedOptions): LiveState {
  const { accounts, clock, faultPlan, log } = controls;
  const players = controls.players;
  return {
    run: controls.run,
    clients: options.clients.map(({ clientId }) => clientId),
    clock: clock.setting,
    tokenLifetimeSeconds: controls.tokenLifetimeSeconds,
    playerCount: players.length,
    players: players.slice(-shown.players).map(({ userId, name, email, countryCode }) => {
      return { userId, name, email, countryCode, banned: accounts.isBanned(userId) };
    }),
    faults: controls.faults,
    heldCalls: faultPlan.heldCount,
    requestCount: log.count(),
    requests: log.latest(shown.requests),
    issued: accounts.issued(shown.issued),
  };
}
