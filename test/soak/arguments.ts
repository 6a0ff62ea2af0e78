import { parseArgs } from 'node:util';

export interface SoakOptions {
  readonly faults: number;
  readonly refusals: number;
  readonly rounds: number;
  readonly bans: number;
  readonly seed: number;
  /** File in which the long form keeps what is done; undefined for a short run. */
  readonly state: string | undefined;
  /** Parts of the long form that run side by side. */
  readonly parallel: number;
}

export const USAGE = `npm run soak:refresh -- [options]

  --faults N    faults altogether, over the three kinds of identity system (default 300; 0: none)
  --refusals N  faults of which most are refusals that mean something else than the end of a grant, at one kind of identity
                system, next to a process with a wrong client secret (default 60; 0: none)
  --rounds N    rounds without faults of 8 processes x 200 callers for each kind (default 20; 0: none)
  --bans N      runs of bans, sign-ins, refreshes and sign-outs at two nodes (default 1000; 0: none)
  --seed N      the same faults again (default: another one each time, printed)
  --state FILE  the long form: does --faults and --refusals in parts, however long that takes, and writes FILE after each
                part. Ctrl-C or a finding ends it after the current parts; the same command continues from there. No rounds
                and no bans. 10,000 faults: --faults 7000 --refusals 3000 --parallel 3 --state soak.json
  --parallel N  parts of the long form that run side by side, each in a schema of its own (default 1)

DATABASE_URL names a PostgreSQL to use, in a schema that is dropped at the end; without it a throw-away one is started.`;

/** @throws Error that says what is wrong with the command line */
export function readArguments(args: readonly string[]): SoakOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      faults: { type: 'string', default: '300' },
      refusals: { type: 'string', default: '60' },
      rounds: { type: 'string', default: '20' },
      bans: { type: 'string', default: '1000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      state: { type: 'string' },
      parallel: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    faults: count('faults', values.faults),
    refusals: count('refusals', values.refusals),
    rounds: count('rounds', values.rounds),
    bans: count('bans', values.bans),
    seed: count('seed', values.seed),
    state: values.state,
    parallel: Math.max(1, count('parallel', values.parallel)),
  };
}

function count(name: string, value: string): number {
  if (!/^\d{1,6}$/.test(value)) throw new Error(`--${name} must be a whole number from 0 to 999999`);
  return Number(value);
}
