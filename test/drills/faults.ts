import type { DrillStage } from './drill-stage.js';

/** A fault that the drill plays: how it begins and how it is over. */
export interface DrilledFault {
  readonly begin: (stage: DrillStage) => unknown;
  readonly end: (stage: DrillStage) => unknown;
}

/** Time by which now.gg's clock is ahead, in milliseconds: more than is tolerated, less than makes a token invalid. */
const AHEAD_MS = 150_000;

const clear = (stage: DrillStage) => stage.emulator.clearFaults();

export const FAULTS = {
  'now.gg hangs': { begin: ({ emulator }) => emulator.setFault({ kind: 'hang' }), end: clear },
  'now.gg fails whole': { begin: ({ emulator }) => emulator.setFault({ kind: 'status', status: 503 }), end: clear },
  'now.gg limits': { begin: ({ emulator }) => emulator.setFault({ kind: 'rate-limit', retryAfter: 1 }), end: clear },
  'wrong secret': {
    begin: ({ emulator, planted }) => emulator.setClientSecret('game', planted.plant('other-secret')),
    end: ({ emulator, clientSecret }) => emulator.setClientSecret('game', clientSecret),
  },
  'Redis gone': { begin: ({ redis }) => redis.kill(), end: ({ redis }) => redis.start() },
  'Redis frozen': { begin: ({ redis }) => redis.freeze(), end: ({ redis }) => redis.thaw() },
  'PostgreSQL gone': { begin: ({ cluster }) => cluster.goDown(), end: ({ cluster }) => cluster.start() },
  'PostgreSQL frozen': {
    begin: ({ database }) => database.switchTo('blackHole'),
    end: ({ database }) => database.switchTo('pass'),
  },
  'PostgreSQL full': { begin: ({ disk }) => disk?.fill(), end: ({ disk }) => disk?.empty() },
  'feed of bans old': {
    begin: (stage) => stage.query('ALTER TABLE nowgg_revocation RENAME TO nowgg_revocation_lost'),
    end: (stage) => stage.query('ALTER TABLE nowgg_revocation_lost RENAME TO nowgg_revocation'),
  },
  'clock skew': {
    begin: ({ emulator }) => emulator.advanceClock(AHEAD_MS),
    end: ({ emulator, load }) => {
      emulator.advanceClock(-AHEAD_MS);
      load.forget();
    },
  },
} as const satisfies Readonly<Record<string, DrilledFault>>;

export type FaultName = keyof typeof FAULTS;
