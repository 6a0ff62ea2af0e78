import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { NowggAuthenticator, NowggAuthModule, NowggRevocationService } from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore } from 'nestjs-nowgg-auth/typeorm';
import { serve } from '../support/child-process.js';
import { type HeldUp, watchEventLoop } from '../support/held-up.js';

export interface GuardedSettings {
  readonly databaseUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly baseUrl: string;
  /** Whether to watch the event loop, which costs processor time of its own. */
  readonly isWatched: boolean;
}

export interface LoadReport {
  /** Time from the start of the process until every revocation that matters was read, in milliseconds. */
  readonly readyMs: number;
  /** Processor time of the process until then, in milliseconds. */
  readonly processorMs: number;
  /** Absent when the event loop was not watched. */
  readonly heldUp: HeldUp | undefined;
  readonly residentBytes: number;
  readonly marks: number;
}

@Module({})
class GameModule {}

let authenticator: NowggAuthenticator;
let revocations: NowggRevocationService;

async function start({ databaseUrl, isWatched, ...client }: GuardedSettings): Promise<LoadReport> {
  const game: DynamicModule = {
    module: GameModule,
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize: 5, installExtensions: false }),
      NowggAuthModule.forRoot({ ...client, revocationStore: typeOrmRevocationStore(), strategyName: false }),
    ],
  };
  // After the modules of the libraries are compiled and evaluated, which holds any process up.
  const endWatch = isWatched ? watchEventLoop() : undefined;
  const app = await NestFactory.createApplicationContext(game, { logger: false });
  authenticator = app.get(NowggAuthenticator);
  revocations = app.get(NowggRevocationService);
  while (!revocations.feed().isLoaded) await wait(5);
  const heldUp = endWatch?.();
  const { user, system } = process.cpuUsage();
  return {
    readyMs: performance.now(),
    processorMs: (user + system) / 1_000,
    heldUp,
    residentBytes: process.memoryUsage.rss(),
    marks: revocations.feed().size,
  };
}

async function ask(token: string): Promise<string> {
  const verdict = await authenticator.authenticate(token);
  return verdict.status === 'valid' ? verdict.status : verdict.reason;
}

/** Processor time of a second without requests, in milliseconds. */
async function idle(seconds: number): Promise<number> {
  const before = process.cpuUsage();
  await wait(seconds * 1_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / seconds;
}

const residentBytes = () => process.memoryUsage.rss();

const operations = { start, ask, idle, residentBytes };
export type GuardedOperations = typeof operations;

serve(operations);
