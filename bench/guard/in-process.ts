import 'reflect-metadata';
import { hash } from 'node:crypto';
import type { CanActivate, DynamicModule, ExecutionContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LRUCache } from 'lru-cache';
import { NowggAuthGuard, NowggAuthenticator } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { flat } from '../support/request-headers.js';
import { BATCH, timedRounds } from '../support/timed-rounds.js';
import { FORGETFUL, nowggModule, oauth2Module } from './benched-app.js';
import type { Identity } from './identity-process.js';
import { contextOf } from './parsed-request.js';
import { joseGuard } from './peers.js';

/** CPU microseconds for one operation, by name, one value for each round. */
export type Samples<Name extends string> = Readonly<Record<Name, readonly number[]>>;

const WARM_UP_ROUNDS = 60;
const TURNS = 20;
const JWT_WARM_UP_ROUNDS = 5;
/** Batches of one guard in a row: on a server it is the only guard, and its code stays in the processor's caches. */
const JWT_BATCHES = 10;

/** A guard call with a known now.gg token, and the unavoidable part of it. */
async function measure(identity: Identity, rounds: number, hasTelemetry = false): Promise<Samples<'bare' | 'guard'>> {
  const auth = nowggModule(identity, false);
  // Not loaded where it is off: the library of an older checkout may not have it.
  const telemetry = hasTelemetry ? await import('./with-telemetry.js') : undefined;
  const { guard, authenticator } = await start(telemetry ? telemetry.withTelemetry(auth) : auth);
  const tokens = identity.tokens.nowgg;
  for (const token of tokens) {
    const verdict = await authenticator.authenticate(token);
    if (verdict.status !== 'valid') throw new Error('a token of the emulator was not accepted');
  }
  const cache = new LRUCache<string, object>({ max: 100_000 });
  for (const token of tokens) cache.set(hash('sha256', token, 'binary'), {});
  let turn = 0;
  const batchOf = (make: (token: string) => unknown) => () =>
    Array.from({ length: BATCH }, () => make(flat(tokens[(turn += 1) % tokens.length] ?? '')));
  const parts = {
    bare: { prepare: batchOf((token) => token), work: (token: string) => cache.get(hash('sha256', token, 'binary')) },
    guard: {
      prepare: batchOf(contextOf),
      work: (context: ExecutionContext) => {
        if (guard.canActivate(context) !== true) throw new Error('the verdict was not in the cache');
      },
    },
  };
  await timedRounds(parts, { rounds: WARM_UP_ROUNDS, turns: TURNS });
  return timedRounds(parts, { rounds, turns: TURNS });
}

/** Guard calls with JWT access tokens, which are all different, as many at a time as the driver over HTTP has. */
async function measureJwt(
  identity: Identity,
  tokens: readonly string[],
  rounds: number,
): Promise<Samples<'cold' | 'warm' | 'jose'>> {
  let turn = 0;
  const known = (index: number) => tokens[index] ?? '';
  const next = () => tokens[(turn += 1) % tokens.length] ?? '';
  const part = (guard: CanActivate, token: (index: number) => string) => ({
    prepare: () =>
      Array.from({ length: JWT_BATCHES }, () => Array.from({ length: BATCH }, (_, i) => contextOf(token(i)))),
    work: async (contexts: readonly ExecutionContext[]) => {
      await Promise.all(contexts.map((context) => admit(guard, context)));
    },
  });
  const parts = {
    cold: part((await start(oauth2Module(identity, FORGETFUL))).guard, next),
    warm: part((await start(oauth2Module(identity))).guard, known),
    jose: part(new (joseGuard(identity))(), next),
  };
  await timedRounds(parts, { rounds: JWT_WARM_UP_ROUNDS, turns: 1 });
  const samples = await timedRounds(parts, { rounds, turns: 1 });
  const perCall = (values: readonly number[]) => values.map((value) => value / BATCH);
  return { cold: perCall(samples.cold), warm: perCall(samples.warm), jose: perCall(samples.jose) };
}

async function admit(guard: CanActivate, context: ExecutionContext): Promise<void> {
  const admitted = guard.canActivate(context) as boolean | Promise<boolean>;
  if (!(typeof admitted === 'boolean' ? admitted : await admitted)) throw new Error('a good token was refused');
}

async function start(auth: DynamicModule) {
  const app = await NestFactory.createApplicationContext(auth, { logger: ['error', 'warn'], abortOnError: false });
  return { guard: app.get(NowggAuthGuard), authenticator: app.get(NowggAuthenticator) };
}

const operations = { measure, measureJwt };

export type InProcessOperations = typeof operations;

serve(operations);
