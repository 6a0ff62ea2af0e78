import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { type EncryptionKey, NowggAuthenticator, NowggAuthModule, NowggTokenService } from 'nestjs-nowgg-auth';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { serve } from '../support/child-process.js';

export interface GameSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly baseUrl: string;
  readonly databaseUrl: string;
  readonly encryptionKeys: readonly EncryptionKey[];
  /** Hints travel through this Redis. */
  readonly redisUrl?: string | undefined;
}

/** Time between two looks at a token, in milliseconds. */
const LOOK_MS = 2;

@Module({})
class GameModule {}

let tokens: NowggTokenService;
let authenticator: NowggAuthenticator;

async function start({ databaseUrl, redisUrl, encryptionKeys, ...client }: GameSettings): Promise<void> {
  const game: DynamicModule = {
    module: GameModule,
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize: 5, installExtensions: false }),
      NowggAuthModule.forRoot({
        ...client,
        strategyName: false,
        tokenStore: typeOrmTokenStore(),
        revocationStore: typeOrmRevocationStore(),
        tokens: { encryptionKeys, sessions: { max: 1 } },
        ...(redisUrl !== undefined && { sharedCache: redisSharedCache({ url: redisUrl }) }),
      }),
    ],
  };
  const app = await NestFactory.createApplicationContext(game, { logger: ['error', 'warn'] });
  tokens = app.get(NowggTokenService);
  authenticator = app.get(NowggAuthenticator);
}

/** @returns the access token, and when the sign-in was complete, in milliseconds of the epoch */
async function signIn(code: string): Promise<{ readonly token: string; readonly atMs: number }> {
  const { accessToken } = await tokens.exchangeCode(code);
  return { token: accessToken.token, atMs: Date.now() };
}

async function outcome(token: string): Promise<string> {
  const verdict = await authenticator.authenticate(token);
  return verdict.status === 'valid' ? verdict.status : verdict.reason;
}

/** Looks at a token until it is refused. @returns when and why */
async function untilRefused(token: string): Promise<{ readonly atMs: number; readonly reason: string }> {
  for (;;) {
    const reason = await outcome(token);
    if (reason !== 'valid') return { atMs: Date.now(), reason };
    await wait(LOOK_MS);
  }
}

const operations = { start, signIn, outcome, untilRefused };
export type GameOperations = typeof operations;

serve(operations);
