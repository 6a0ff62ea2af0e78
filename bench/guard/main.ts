import { Child } from '../support/child-process.js';
import { describeMachine } from '../support/machine.js';
import { runProgram } from '../support/command-line.js';
import { readArguments, type RunOptions, USAGE } from './arguments.js';
import type { IdentityOperations } from './identity-process.js';
import type { InProcessOperations } from './in-process.js';
import type { JwtOperations } from './jwt-process.js';
import { measureOverHttp } from './over-http.js';
import {
  httpTable,
  inProcessFigures,
  inProcessTable,
  jwtFigures,
  jwtTable,
  tokenLengths,
  variantFigures,
} from './report.js';

/** Number of different tokens that the requests use one after the other. */
const PLAYERS = 100;
/** Rounds in process are a thousand times shorter; with many of them, some meet quiet moments. */
const IN_PROCESS_ROUNDS_FACTOR = 20;
const JWT_ROUNDS_FACTOR = 2;
/** More tokens than a cache could remember before a token is used again. */
const ACCESS_TOKENS = 1000;

async function run({ rounds, requests, platforms, json }: RunOptions): Promise<void> {
  const identityProcess = new Child<IdentityOperations>(new URL('identity-process.js', import.meta.url));
  const measurer = new Child<InProcessOperations>(new URL('in-process.js', import.meta.url));
  const jwtMeasurer = new Child<JwtOperations>(new URL('jwt-process.js', import.meta.url));
  try {
    const print = (text: string) => json || console.log(`${text}\n`);
    const identity = await identityProcess.call('start', PLAYERS);
    print(`${describeMachine()}; ${tokenLengths(identity)}; ${rounds} interleaved rounds of ${requests} requests.`);
    const http: Record<string, unknown> = {};
    for (const platform of platforms) {
      const samples = await measureOverHttp({ platform, rounds, requests }, identity, identityProcess);
      const figures = variantFigures(samples);
      http[platform] = { figures, samples };
      print(httpTable(platform, figures));
    }
    const inProcessRounds = rounds * IN_PROCESS_ROUNDS_FACTOR;
    const inProcess = inProcessFigures(await measurer.call('measure', { identity, rounds: inProcessRounds }));
    print(inProcessTable(inProcess));
    const like = identity.tokens.rs256[0] ?? '';
    const tokens = await identityProcess.call('makeAccessTokens', { like, count: ACCESS_TOKENS });
    const measureJwt = async (together: boolean) =>
      jwtFigures(await jwtMeasurer.call('measure', { identity, tokens, rounds: rounds * JWT_ROUNDS_FACTOR, together }));
    const jwt = { oneByOne: await measureJwt(false), together: await measureJwt(true) };
    print(jwtTable('one after another', jwt.oneByOne));
    print(jwtTable('16 at a time', jwt.together));
    if (json) {
      console.log(JSON.stringify({ machine: describeMachine(), rounds, requests, http, inProcess, jwt }, null, 2));
    }
  } finally {
    await Promise.all([identityProcess, measurer, jwtMeasurer].map((child) => child.stop()));
  }
}

await runProgram({ usage: USAGE, readArguments, run });
