import 'reflect-metadata';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { NowggAuthGuard, type VerificationOptions } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import { FORGETFUL, oauth2Module } from './benched-app.js';
import type { Identity } from './identity-process.js';
import { contextOf } from './parsed-request.js';
import { joseGuard, jwksRsaStrategy, oauth2JwtBearerGuard } from './peers.js';

/** CPU microseconds for one guard call, by guard, one value for each round. */
export type JwtSamples = Readonly<Record<JwtGuardName, readonly number[]>>;

export type JwtGuardName = 'cold' | 'warm' | 'jose' | 'passport-jwks-rsa' | 'oauth2-jwt-bearer';

/** As many requests as the driver over HTTP has in progress. */
const BATCH = 16;
/** Batches of one guard in a row: on a server it is the only guard, and its code stays in the processor's caches. */
const BATCHES_PER_TURN = 10;
const WARM_UP_ROUNDS = 5;

let made: Record<JwtGuardName, CanActivate> | undefined;

async function measure({
  identity,
  tokens,
  rounds,
  together,
}: {
  identity: Identity;
  /** Access tokens that are all different. */
  tokens: readonly string[];
  rounds: number;
  /** Whether the calls of a round run at the same time, as on a busy server, or one after another. */
  together: boolean;
}): Promise<JwtSamples> {
  const guards = (made ??= await makeGuards(identity));
  const names = Object.keys(guards) as JwtGuardName[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<JwtGuardName, number[]>;
  const known = tokens.slice(0, BATCH);
  let turn = 0;
  const makeContexts = (name: JwtGuardName) =>
    Array.from({ length: BATCH }, (_, i) =>
      contextOf((name === 'warm' ? known[i] : tokens[(turn += 1) % tokens.length]) ?? ''),
    );
  for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
    for (const name of rotated(names, round + WARM_UP_ROUNDS)) {
      let micros = 0;
      for (let batch = 0; batch < BATCHES_PER_TURN; batch += 1) {
        micros += await timeBatch(guards[name], makeContexts(name), together);
      }
      if (round >= 0) samples[name].push(micros / (BATCH * BATCHES_PER_TURN));
    }
  }
  return samples;
}

/** Processor time of all threads, in microseconds: signatures are checked outside the main thread. */
async function timeBatch(
  guard: CanActivate,
  contexts: readonly ExecutionContext[],
  together: boolean,
): Promise<number> {
  const before = process.cpuUsage();
  if (together) await Promise.all(contexts.map((context) => admit(guard, context)));
  else for (const context of contexts) await admit(guard, context);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function admit(guard: CanActivate, context: ExecutionContext): Promise<void> {
  const admitted = guard.canActivate(context) as boolean | Promise<boolean>;
  if (!(typeof admitted === 'boolean' ? admitted : await admitted)) throw new Error('a good token was refused');
}

async function makeGuards(identity: Identity): Promise<Record<JwtGuardName, CanActivate>> {
  const Strategy = jwksRsaStrategy('bench-jwks-rsa', identity) as new () => unknown;
  // The constructor registers the strategy with Passport.
  Reflect.construct(Strategy, []);
  return {
    cold: await ownGuard(identity, FORGETFUL),
    warm: await ownGuard(identity),
    jose: new (joseGuard(identity))(),
    'passport-jwks-rsa': new (AuthGuard('bench-jwks-rsa'))(),
    'oauth2-jwt-bearer': new (oauth2JwtBearerGuard(identity))(),
  };
}

async function ownGuard(identity: Identity, verification?: VerificationOptions): Promise<NowggAuthGuard> {
  const app = await NestFactory.createApplicationContext(oauth2Module(identity, verification), {
    logger: ['error', 'warn'],
    abortOnError: false,
  });
  return app.get(NowggAuthGuard);
}

const operations = { measure };

export type JwtOperations = typeof operations;

serve(operations);
