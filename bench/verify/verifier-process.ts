import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  NowggAuthenticator,
  NowggAuthModule,
  NowggRevocationService,
  SharedCache,
  type VerificationOptions,
} from 'nestjs-nowgg-auth';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
import { serve } from '../support/child-process.js';
import { client, makeToken } from './tokens.js';

export interface VerifierSettings {
  readonly baseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly notify?: boolean;
  readonly verification?: VerificationOptions;
}

/** A load at a steady pace, with or without answers. */
export interface Load {
  readonly seconds: number;
  /** Requests of known players, and of newcomers, per second. */
  readonly knownPerSecond: number;
  readonly newPerSecond: number;
}

export interface LoadReport {
  /** Milliseconds until each answer. */
  readonly knownMs: readonly number[];
  readonly newMs: readonly number[];
  /** 99th percentile of the event loop's delay, in milliseconds. */
  readonly loopDelayMs: number;
}

/** The Redis key is the same in all processes. */
const REDIS_KEY = createHash('sha256').update('bench').digest('base64');
const TICK_MS = 10;
const LOOK_EVERY_MS = 2;

@Module({})
class VerifierModule {}

let authenticator: NowggAuthenticator;
let revocations: NowggRevocationService;

async function start({ baseUrl, redisUrl, databaseUrl, notify = true, verification }: VerifierSettings) {
  const auth = NowggAuthModule.forRoot({
    ...client,
    baseUrl,
    strategyName: false,
    ...(verification && { verification }),
    ...(redisUrl !== undefined && { sharedCache: redisSharedCache({ url: redisUrl, key: REDIS_KEY }) }),
    ...(databaseUrl !== undefined && { revocationStore: typeOrmRevocationStore({ notify }) }),
  });
  const imports: DynamicModule[] = [auth];
  if (databaseUrl !== undefined) {
    imports.push(TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize: 2, installExtensions: false }));
  }
  const root = { module: VerifierModule, imports };
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'], abortOnError: false });
  authenticator = app.get(NowggAuthenticator);
  revocations = app.get(NowggRevocationService);
  if (redisUrl !== undefined) await untilConnected(app.get(SharedCache));
  // The first request opens connections.
  await accept(makeToken());
}

/** Time that each newcomer, one after the other, waits for their verdict, in milliseconds. */
async function firstUses(amount: number): Promise<readonly number[]> {
  const waits: number[] = [];
  for (let use = 0; use < amount; use += 1) waits.push(await timed(makeToken()));
  return waits;
}

/** Presents the same token from so many callers at once. */
async function present(token: string, callers: number): Promise<void> {
  await Promise.all(Array.from({ length: callers }, () => accept(token)));
}

/** Time at which each token was first found revoked: milliseconds since the epoch, with fractions. */
async function firstRefusals(tokens: readonly string[]): Promise<readonly number[]> {
  const seenAt = new Map<string, number>();
  const waiting = new Set(tokens);
  while (waiting.size > 0) {
    for (const token of waiting) {
      const { status } = await authenticator.authenticate(token);
      if (status !== 'invalid') continue;
      seenAt.set(token, nowMs());
      waiting.delete(token);
    }
    await pause(LOOK_EVERY_MS);
  }
  return tokens.map((token) => seenAt.get(token) ?? Number.NaN);
}

/** Bans players one after the other. Returns the time of each ban. */
async function ban(userIds: readonly string[], everyMs: number): Promise<readonly number[]> {
  const givenAt: number[] = [];
  for (const userId of userIds) {
    givenAt.push(nowMs());
    await revocations.revoke({ userId });
    // Not in step with the poll of any process.
    await pause(everyMs * (0.5 + Math.random()));
  }
  return givenAt;
}

async function carry({ seconds, knownPerSecond, newPerSecond }: Load, tokens: readonly string[]): Promise<LoadReport> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const known: Promise<number>[] = [];
  const fresh: Promise<number>[] = [];
  const startedAt = performance.now();
  for (;;) {
    const passedS = (performance.now() - startedAt) / 1000;
    if (passedS > seconds) break;
    while (known.length < passedS * knownPerSecond) known.push(timed(tokens[known.length % tokens.length] ?? ''));
    while (fresh.length < passedS * newPerSecond) fresh.push(timed(makeToken()));
    await pause(TICK_MS);
  }
  const report = { knownMs: await Promise.all(known), newMs: await Promise.all(fresh) };
  delay.disable();
  return { ...report, loopDelayMs: delay.percentile(99) / 1e6 };
}

async function timed(token: string): Promise<number> {
  const askedAt = performance.now();
  await authenticator.authenticate(token);
  return performance.now() - askedAt;
}

async function accept(token: string): Promise<void> {
  const { status } = await authenticator.authenticate(token);
  if (status !== 'valid') throw new Error(`a good token was found ${status}`);
}

/** The time in milliseconds, comparable between processes of one machine. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

async function untilConnected(cache: SharedCache): Promise<void> {
  const key = `connected ${process.pid}`;
  while ((await cache.claim(key, 1_000)) === 'unavailable') await pause(5);
  await cache.release(key);
}

const operations = { start, firstUses, present, firstRefusals, ban, carry };

export type VerifierOperations = typeof operations;

serve(operations);
