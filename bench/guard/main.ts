import { parseArgs } from 'node:util';
import { Child } from '../support/child-process.js';
import { readCount, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import type { IdentityOperations } from './identity-process.js';
import type { InProcessOperations } from './in-process.js';
import { measureOverHttp } from './over-http.js';
import { httpTable, inProcessTable, jwtTable, tokenLengths } from './report.js';
import { type Platform, PLATFORMS } from './variants.js';

interface RunOptions {
  readonly rounds: number;
  readonly requests: number;
  readonly platforms: readonly Platform[];
}

const USAGE = `npm run bench:guard -- [options]

  --rounds N                    rounds for each variant (default 15)
  --requests N                  requests for each variant and round (default 1000)
  --platform express|fastify    one platform only
  --quick                       3 rounds of 300 requests: whether it works, not what it costs`;

/** Number of different tokens that the requests use one after the other. */
const PLAYERS = 100;
/** Rounds in process are a thousand times shorter; with many of them, some meet quiet moments. */
const IN_PROCESS_ROUNDS_FACTOR = 20;
const JWT_ROUNDS_FACTOR = 2;
/** More tokens than a cache could remember before a token is used again. */
const ACCESS_TOKENS = 1000;

function readArguments(args: readonly string[]): RunOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      requests: { type: 'string' },
      platform: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const platforms = PLATFORMS.filter((platform) => (values.platform ?? platform) === platform);
  if (platforms.length === 0) throw new Error(`--platform must be ${PLATFORMS.join(' or ')}`);
  return {
    rounds: readCount('rounds', values.rounds ?? (values.quick ? '3' : '15'), 9_999_999),
    requests: readCount('requests', values.requests ?? (values.quick ? '300' : '1000'), 9_999_999),
    platforms,
  };
}

async function run({ rounds, requests, platforms }: RunOptions): Promise<void> {
  const identityProcess = new Child<IdentityOperations>(new URL('identity-process.js', import.meta.url));
  const measurer = new Child<InProcessOperations>(new URL('in-process.js', import.meta.url));
  try {
    const print = (text: string) => console.log(`${text}\n`);
    const identity = await identityProcess.call('start', PLAYERS);
    print(`${describeMachine()}; ${tokenLengths(identity)}; ${rounds} interleaved rounds of ${requests} requests.`);
    for (const platform of platforms) {
      print(httpTable(platform, await measureOverHttp({ platform, rounds, requests }, identity, identityProcess)));
    }
    print(inProcessTable(await measurer.call('measure', identity, rounds * IN_PROCESS_ROUNDS_FACTOR)));
    const like = identity.tokens.rs256[0] ?? '';
    const tokens = await identityProcess.call('makeAccessTokens', { like, count: ACCESS_TOKENS });
    print(jwtTable(await measurer.call('measureJwt', identity, tokens, rounds * JWT_ROUNDS_FACTOR)));
  } finally {
    await Promise.all([identityProcess.stop(), measurer.stop()]);
  }
}

await runProgram({ usage: USAGE, readArguments, run });
