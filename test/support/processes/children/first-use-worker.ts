import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { NowggAuthenticator, NowggAuthModule } from '../../../../libs/nowgg-auth/src/index.js';
import { redisSharedCache } from '../../../../libs/nowgg-auth/src/redis/index.js';
import { SharedCache } from '../../../../libs/nowgg-auth/src/verification/cache/shared-cache.js';
import type { FirstUseOrder, FirstUseReport, FirstUseSettings } from '../first-use-messages.js';

/** The same in all processes; not derived from the secret, which may differ. */
const REDIS_KEY = createHash('sha256').update('first uses').digest('base64');
const { redisUrl, ...options } = JSON.parse(process.env.FIRST_USE_SETTINGS ?? '{}') as FirstUseSettings;
const wiring = redisUrl === undefined ? {} : { sharedCache: redisSharedCache({ url: redisUrl, key: REDIS_KEY }) };
// Eight of these share a machine with others; how fast they are is not the question.
const verification = { timeoutMs: 30_000 };
const module = NowggAuthModule.forRoot({ ...options, verification, ...wiring });
const app = await NestFactory.createApplicationContext(module, { logger: false });
const authenticator = app.get(NowggAuthenticator);
if (redisUrl !== undefined) await untilConnected(app.get(SharedCache));

process.on('message', (order: FirstUseOrder) => void present(order));
process.on('disconnect', () => void app.close());
process.send?.({ ready: true });

async function present({ id, token, callers }: FirstUseOrder): Promise<void> {
  const calls = Array.from({ length: callers }, async () => authenticator.authenticate(token));
  const verdicts = await Promise.all(calls);
  process.send?.({ id, valid: verdicts.filter(({ status }) => status === 'valid').length } satisfies FirstUseReport);
}

/** The module connects in the background. */
async function untilConnected(cache: SharedCache): Promise<void> {
  const key = `connected ${process.pid}`;
  while ((await cache.claim(key, 1_000)) === 'unavailable') await wait(5);
  await cache.release(key);
}
