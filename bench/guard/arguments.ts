import { parseArgs } from 'node:util';
import type { Platform } from './variants.js';

/** Options of a run of the benchmark. */
export interface RunOptions {
  readonly rounds: number;
  readonly requests: number;
  readonly platforms: readonly Platform[];
  /** Print one JSON document instead of tables. */
  readonly json: boolean;
}

export const USAGE = `npm run bench:guard -- [options]

  --rounds N                    rounds for each variant (default 15)
  --requests N                  requests for each variant and round (default 1000)
  --platform express|fastify    one platform only
  --quick                       3 rounds of 300 requests: whether it works, not what it costs
  --json                        one JSON document instead of tables`;

/** @throws Error that says what is wrong with the command line */
export function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      requests: { type: 'string' },
      platform: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    rounds: readCount('rounds', values.rounds, values.quick ? 3 : 15),
    requests: readCount('requests', values.requests, values.quick ? 300 : 1000),
    platforms: readPlatforms(values.platform),
    json: values.json,
  };
}

function readCount(name: string, value: string | undefined, preset: number): number {
  if (value === undefined) return preset;
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new Error(`--${name} must be a whole number from 1 to 9999999`);
  return Number(value);
}

function readPlatforms(value: string | undefined): readonly Platform[] {
  if (value === undefined) return ['express', 'fastify'];
  if (value !== 'express' && value !== 'fastify') throw new Error('--platform must be express or fastify');
  return [value];
}
