import { randomBytes } from 'node:crypto';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { type NowggClock, SystemClock } from '../../../libs/nowgg-auth/src/clock.js';
import {
  IdentityProvider,
  type IdentityVerdict,
  type Inspection,
  type TokenOutcome,
} from '../../../libs/nowgg-auth/src/identity/identity-provider.js';
import { NowggAuthModule } from '../../../libs/nowgg-auth/src/module/nowgg-auth.module.js';
import type { TokenType } from '../../../libs/nowgg-auth/src/principal.js';
import { NowggRevocationService } from '../../../libs/nowgg-auth/src/revocation/nowgg-revocation.service.js';
import { RevocationFeed } from '../../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import { type RevocationChanges, RevocationStore } from '../../../libs/nowgg-auth/src/revocation/revocation-store.js';
import {
  mergeWatermarks,
  type RevocationSubject,
  type Watermark,
} from '../../../libs/nowgg-auth/src/revocation/marks/watermark.js';
import { MemoryTokenStore } from '../../../libs/nowgg-auth/src/tokens/store/memory/memory-token-store.js';
import { NowggTokenService } from '../../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { TokenStore } from '../../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmRevocationStore, typeOrmTokenStore } from '../../../libs/nowgg-auth/src/typeorm/index.js';
import { NowggAuthenticator } from '../../../libs/nowgg-auth/src/verification/nowgg-authenticator.js';
import { inTurn } from './turns.js';

/** One application context of two that share their stores. */
export interface ModelNode {
  readonly tokens: NowggTokenService;
  readonly revocations: NowggRevocationService;
  /** Takes over what the other node has written. */
  poll(): Promise<void>;
  accepts(token: string): Promise<boolean>;
}

export interface ModelNodes {
  readonly nodes: readonly [ModelNode, ModelNode];
  close(): Promise<void>;
}

type Stores = (clock: NowggClock) => { readonly tokenStore: TokenStore; readonly revocationStore: RevocationStore };

/** Two contexts on one PostgreSQL. */
export function onPostgres(dataSource: DataSource): Promise<ModelNodes> {
  return startNodes((clock) => ({
    tokenStore: typeOrmTokenStore({ poolSize: 4 }).create({ clock }, dataSource),
    revocationStore: typeOrmRevocationStore({ notify: false }).create({ clock }, dataSource),
  }));
}

/** Two contexts that share stores in memory. */
export function inMemory(): Promise<ModelNodes> {
  const clock = new UniqueTimes();
  const shared = { tokenStore: new MemoryTokenStore(clock), revocationStore: new SharedWatermarks() };
  return startNodes(() => shared);
}

async function startNodes(stores: Stores): Promise<ModelNodes> {
  const key = randomBytes(32).toString('base64');
  const apps = [await startNode(stores, key), await startNode(stores, key)] as const;
  return {
    nodes: [nodeOf(apps[0]), nodeOf(apps[1])],
    close: async () => {
      for (const app of apps) await app.close();
    },
  };
}

async function startNode(stores: Stores, key: string): Promise<INestApplicationContext> {
  const clock = new UniqueTimes();
  const { tokenStore, revocationStore } = stores(clock);
  const auth = NowggAuthModule.forRoot({
    identityProviders: [{ name: 'model', create: () => new ModelProvider(clock) }],
    // Nothing runs out on a machine that has other things to do as well.
    tokens: {
      encryptionKeys: [{ id: 'k1', key }],
      softDeadlineMs: 50_000,
      leaseMs: 55_000,
      lateReplyMs: 60_000,
    },
    tokenStore: { inject: [], create: () => inTurn(tokenStore) },
    revocationStore: { inject: [], create: () => inTurn(revocationStore) },
    strategyName: false,
    clock,
  });
  @Module({ imports: [auth] })
  class ModelModule {}
  return NestFactory.createApplicationContext(ModelModule, { logger: false, abortOnError: false });
}

function nodeOf(app: INestApplicationContext): ModelNode {
  const authenticator = app.get(NowggAuthenticator, { strict: false });
  return {
    tokens: app.get(NowggTokenService, { strict: false }),
    revocations: app.get(NowggRevocationService, { strict: false }),
    poll: async () => app.get(RevocationFeed, { strict: false }).readNow(),
    accepts: async (token) => (await authenticator.authenticate(token)).status === 'valid',
  };
}

let issued = 0;

/** An identity system to which every token is good for ever: what refuses one is this module. */
class ModelProvider extends IdentityProvider {
  override readonly name = 'model';
  override readonly clientKey = 'client-of-the-model';
  override readonly tokenTypes: readonly TokenType[] = ['token'];
  readonly #clock: NowggClock;

  constructor(clock: NowggClock) {
    super();
    this.#clock = clock;
  }

  override recognises(): boolean {
    return true;
  }

  override inspect(): Inspection {
    return { action: 'ask', tokenType: 'token' };
  }

  override async verify(token: string): Promise<IdentityVerdict> {
    const [userId = '', sessionId] = token.split('~');
    const facts = { provider: this.name, clientKey: this.clientKey, issuer: 'https://model.example', claims: {} };
    return { status: 'valid', facts: { ...facts, tokenType: 'token', userId, sessionId, scopes: [] } };
  }

  override async exchangeCode({ code }: { code: string }): Promise<TokenOutcome> {
    issued += 1;
    return this.#issue(`${code}~session-${issued}`);
  }

  override async refresh(refreshToken: string): Promise<TokenOutcome> {
    return this.#issue(refreshToken.split('~').slice(0, 2).join('~'));
  }

  #issue(player: string): TokenOutcome {
    issued += 1;
    const [user, session] = player.split('~');
    const accessToken = `${user?.split('.')[0]}~${session}~${issued}`;
    const accessTokenExpiresAtMs = this.#clock.now() + 3_600_000;
    return { status: 'tokens', tokens: { accessToken, accessTokenExpiresAtMs, refreshToken: `${accessToken}~r` } };
  }
}

/** The machine's clock, of which no two readings are the same. */
class UniqueTimes extends SystemClock {
  static #last = 0;

  override now(): number {
    UniqueTimes.#last = Math.max(super.now(), UniqueTimes.#last + 0.001);
    return UniqueTimes.#last;
  }
}

/** Watermarks in memory that two nodes share, and that each has to read. */
class SharedWatermarks extends RevocationStore {
  override readonly isShared = true;
  readonly #watermarks = new Map<string, Watermark>();

  override async put(watermark: Watermark): Promise<Watermark> {
    const merged = mergeWatermarks(this.#watermarks.get(keyOf(watermark)), watermark);
    this.#watermarks.set(keyOf(watermark), merged);
    return merged;
  }

  override async restore(subject: RevocationSubject): Promise<void> {
    const { provider, kind, id } = subject;
    const lifted = { provider, kind, id, issuedUntilMs: undefined, refusedUntilMs: undefined };
    this.#watermarks.set(keyOf(subject), lifted);
  }

  override async find(subject: RevocationSubject): Promise<Watermark | undefined> {
    return this.#watermarks.get(keyOf(subject));
  }

  override async changesSince(): Promise<RevocationChanges> {
    return { watermarks: [...this.#watermarks.values()], cursor: '' };
  }
}

function keyOf({ provider, kind, id }: RevocationSubject): string {
  return JSON.stringify([provider, kind, id]);
}
