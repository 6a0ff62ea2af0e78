import 'reflect-metadata';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { type DynamicModule, Module } from '@nestjs/common';
import type { IdentityProviderDefinition } from '../../../../libs/nowgg-auth/src/identity/identity-provider.js';
import { IdentityHttp, type IdentityHttpRequest } from '../../../../libs/nowgg-auth/src/identity/identity-http.js';
import {
  IdentityUnavailableError,
  nowgg,
  type NowggAuthWiring,
  NowggAuthenticator,
  NowggAuthModule,
  NowggRevocationService,
} from '../../../../libs/nowgg-auth/src/index.js';
import { RevocationFeed } from '../../../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import { SharedCache } from '../../../../libs/nowgg-auth/src/verification/cache/shared-cache.js';
import type {
  Outcome,
  PlayerGroup,
  PlayReport,
  PlayRound,
  VerificationOrder,
  VerificationSettings,
} from '../verification-messages.js';
import { OffsetClock } from '../../../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { strongKey } from '../../../../libs/nowgg-auth/src/testing-support/strong-key.js';

const GROUPS: readonly PlayerGroup[] = ['cached', 'first', 'bad'];
const collectGarbage = (globalThis as { gc?: () => void }).gc;
const settings = JSON.parse(process.env.VERIFICATION_SETTINGS ?? '{}') as VerificationSettings;
const { redisUrl, databaseUrl, notify = true } = settings;
const clock = new OffsetClock({ holdWaits: settings.holdWaits ?? false });

/** Counts what is sent, whether or not it arrives. */
class CountedHttp extends IdentityHttp {
  static sent = 0;
  readonly #http: IdentityHttp;

  constructor(http: IdentityHttp) {
    super();
    this.#http = http;
  }

  override send(request: IdentityHttpRequest) {
    CountedHttp.sent += 1;
    return this.#http.send(request);
  }
}

const provider: IdentityProviderDefinition = {
  name: 'nowgg',
  create: (context) => {
    const { clientId, clientSecret, baseUrl } = settings;
    const definition = nowgg({ name: 'nowgg', clientId, clientSecret, baseUrl });
    return definition.create({ ...context, http: new CountedHttp(context.http) });
  },
};

const auth = NowggAuthModule.forRoot({
  identityProviders: [provider],
  // A key of the ring seals what goes to Redis: this client's secret is known to its definition alone.
  tokens: { encryptionKeys: [{ id: 'test', key: strongKey(7) }] },
  strategyName: false,
  clock,
  ...(settings.verification && { verification: settings.verification }),
  ...(await sharedBy()),
});
const database = databaseUrl === undefined ? [] : [await databaseModule(databaseUrl)];

@Module({})
class VerifyingModule {}

const root = { module: VerifyingModule, imports: [...database, auth] };
const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
const authenticator = app.get(NowggAuthenticator);
if (redisUrl !== undefined) await untilConnected(app.get(SharedCache));

process.on('message', ({ id, order }: { id: number; order: VerificationOrder }) => {
  void obey(order).then(
    (result) => process.send?.({ id, result: result ?? null }),
    (error: unknown) => process.send?.({ id, problem: String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ id: 0, result: null });

/** What processes have in common. Loaded only where it is used: it takes longest to start. */
async function sharedBy(): Promise<NowggAuthWiring> {
  const wiring: NowggAuthWiring = {};
  if (redisUrl !== undefined) {
    const { redisSharedCache } = await import('../../../../libs/nowgg-auth/src/redis/index.js');
    wiring.sharedCache = redisSharedCache({ url: redisUrl });
  }
  if (databaseUrl !== undefined) {
    const { typeOrmRevocationStore } = await import('../../../../libs/nowgg-auth/src/typeorm/index.js');
    wiring.revocationStore = typeOrmRevocationStore({ notify });
  }
  return wiring;
}

async function databaseModule(url: string): Promise<DynamicModule> {
  const { TypeOrmModule } = await import('@nestjs/typeorm');
  return TypeOrmModule.forRoot({ type: 'postgres', url, poolSize: 2, installExtensions: false });
}

async function obey(order: VerificationOrder): Promise<unknown> {
  switch (order.op) {
    case 'ask':
      return Promise.all(order.tokens.map(outcomeOf));
    case 'play':
      return play(order.rounds);
    case 'step':
      return clock.advance(order.ms);
    case 'revoke':
      return revoke(order.userId);
    case 'restore':
      return app.get(NowggRevocationService).restore({ userId: order.userId });
    case 'untilRevoked':
      return until(async () => (await outcomeOf(order.token)) === 'invalid:revoked_token');
    case 'untilTrusting':
      return until(async () => app.get(RevocationFeed, { strict: false }).isCurrentAt(clock.monotonicNow()));
    case 'heap':
      return bytesInUse();
    case 'stop':
      return app.close();
  }
}

async function outcomeOf(token: string): Promise<Outcome> {
  const verdict = await authenticator.authenticate(token);
  return `${verdict.status}:${verdict.status === 'valid' ? verdict.principal.userId : verdict.reason}`;
}

async function play(rounds: readonly PlayRound[]): Promise<PlayReport> {
  const outcomes: Record<PlayerGroup, Record<Outcome, number>> = { cached: {}, first: {}, bad: {} };
  const sentBefore = CountedHttp.sent;
  for (const { stepMs, tokens } of rounds) {
    clock.advance(stepMs);
    const asked = GROUPS.flatMap((group) =>
      tokens[group].map(async (token) => ({ group, is: await outcomeOf(token) })),
    );
    for (const { group, is } of await Promise.all(asked)) outcomes[group][is] = (outcomes[group][is] ?? 0) + 1;
    await turn();
  }
  return { outcomes, calls: CountedHttp.sent - sentBefore };
}

async function revoke(userId: string): Promise<'done' | 'unavailable'> {
  try {
    await app.get(NowggRevocationService).revoke({ userId });
    return 'done';
  } catch (error) {
    if (error instanceof IdentityUnavailableError) return 'unavailable';
    throw error;
  }
}

async function bytesInUse(): Promise<number> {
  // Two rounds: what the first one finalises lets go of more.
  for (const _round of [1, 2]) {
    collectGarbage?.();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Looks again and again; the owner's own time limit ends it. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(5);
}

/** The module connects in the background. */
async function untilConnected(cache: SharedCache): Promise<void> {
  const key = `connected ${process.pid}`;
  await until(async () => (await cache.claim(key, 1_000)) !== 'unavailable');
  await cache.release(key);
}
