import 'reflect-metadata';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type EncryptionKey, NowggAuthModule, NowggTokenService } from 'nestjs-nowgg-auth';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { serve } from '../support/child-process.js';
import { instantProvider } from './instant-provider.js';

export interface GameSettings {
  readonly databaseUrl: string;
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** Results of the callers of a process. */
export interface PlayReport {
  readonly reads: number;
  readonly refreshes: number;
  /** Calls that threw, by the error's code, and tokens that were another grant's or generation's. */
  readonly failures: Readonly<Record<string, number>>;
}

const REFRESH_EVERY = 5;

@Module({})
class GameModule {}

let tokens: NowggTokenService;
let over = new AbortController();
let playing: Promise<PlayReport> | undefined;

async function start({ databaseUrl, encryptionKeys }: GameSettings): Promise<void> {
  const game: DynamicModule = {
    module: GameModule,
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize: 10, installExtensions: false }),
      NowggAuthModule.forRoot({
        identityProviders: [instantProvider],
        tokenStore: typeOrmTokenStore(),
        tokens: { encryptionKeys },
        strategyName: false,
      }),
    ],
  };
  const app = await NestFactory.createApplicationContext(game, { logger: false });
  tokens = app.get(NowggTokenService);
}

/** Callers ask for tokens of one grant after the other until {@link stop}; each fifth wants a new one. */
function play(grantIds: readonly string[], callers: number): void {
  over = new AbortController();
  let calls = Math.floor(Math.random() * grantIds.length);
  const failures: Record<string, number> = {};
  let [reads, refreshes] = [0, 0];
  const fail = (name: string) => {
    failures[name] = (failures[name] ?? 0) + 1;
  };
  const caller = async () => {
    while (!over.signal.aborted) {
      calls += 1;
      // Coprime with any round number of grants, and unlike the order in which they are rotated.
      const grantId = grantIds[(calls * 7_919) % grantIds.length] ?? '';
      const isRefresh = calls % REFRESH_EVERY === 0;
      try {
        const { token, generation } = await (isRefresh ? tokens.refresh(grantId) : tokens.getAccessToken(grantId));
        if (token !== `access-${grantId}-${generation}`) fail('wrong_token');
        if (isRefresh) refreshes += 1;
        else reads += 1;
      } catch (error) {
        fail(String((error as { errorCode?: unknown }).errorCode));
      }
    }
  };
  playing = Promise.all(Array.from({ length: callers }, caller)).then(() => ({ reads, refreshes, failures }));
}

async function stop(): Promise<PlayReport> {
  over.abort();
  if (!playing) throw new Error('play first');
  return playing;
}

/** Reads every grant once. @returns how many could not be read */
async function readAll(grantIds: readonly string[]): Promise<number> {
  let [next, failed] = [0, 0];
  const lane = async () => {
    while (next < grantIds.length) {
      const grantId = grantIds[next] ?? '';
      next += 1;
      const { token, generation } = await tokens.getAccessToken(grantId).catch(() => ({ token: '', generation: 0 }));
      if (token !== `access-${grantId}-${generation}`) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  return failed;
}

const operations = { start, play, stop, readAll };
export type GameOperations = typeof operations;
serve(operations);
