import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { INestApplicationContext } from '@nestjs/common';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  NowggAuthenticator,
  NowggAuthModule,
  NowggRevocationService,
  NowggTokenService,
  NowggVaultService,
  ReauthenticationRequiredError,
  TokenStore,
} from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { DataSource } from 'typeorm';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratingOptions } from '../support/token-service/migrated-database.js';
import { RING } from '../support/token-service/token-service.js';

@Injectable()
class Upkeep {
  constructor(
    readonly vault: NowggVaultService,
    readonly revocations: NowggRevocationService,
    readonly tokens: NowggTokenService,
    readonly authenticator: NowggAuthenticator,
  ) {}
}

describe('NowggVaultService of an application on PostgreSQL', () => {
  let cluster: PostgresCluster;
  let emulator: NowggEmulator;
  let app: INestApplicationContext;
  let upkeep: Upkeep;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    emulator = await startNowggEmulator();
    const testing = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot(migratingOptions(cluster.url)),
        NowggAuthModule.forRootAsync({
          tokenStore: typeOrmTokenStore(),
          revocationStore: typeOrmRevocationStore(),
          strategyName: false,
          useFactory: () => ({
            clientId: 'demo-client',
            clientSecret: 'demo-secret',
            baseUrl: emulator.url,
            tokens: { encryptionKeys: [RING[1], RING[0]] },
          }),
        }),
      ],
      providers: [Upkeep],
    }).compile();
    app = await testing.init();
    upkeep = app.get(Upkeep);
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await emulator?.close();
    await cluster?.stop();
  }, 30_000);

  const signIn = (player = 0) =>
    upkeep.tokens.exchangeCode(emulator.issueCode({ userId: emulator.players[player]?.userId ?? '' }));
  const verdictOf = async (token: string) => (await upkeep.authenticator.authenticate(token)).status;

  it('is injected, counts, rotates and sweeps', async () => {
    await signIn();
    expect(await upkeep.vault.status()).toMatchObject({
      byState: { active: 1 },
      byKeyId: { k2: 1 },
      sealingKeyId: 'k2',
      neededKeyIds: ['k2'],
    });
    expect(await upkeep.vault.rotate()).toMatchObject({ resealed: 0, unreadable: 0, complete: true });
    await upkeep.revocations.revoke({ sessionId: 'a-session' });
    await upkeep.revocations.restore({ sessionId: 'a-session' });
    expect(await upkeep.vault.sweep()).toEqual({ grants: 0, exchanges: 0, revocations: 0 });
    const age = `UPDATE nowgg_revocation SET changed_at = changed_at - interval '31 days'`;
    await app.get(DataSource).query(age);
    expect(await upkeep.vault.sweep({ dryRun: true })).toMatchObject({ revocations: 1 });
    expect(await upkeep.vault.sweep()).toMatchObject({ revocations: 1 });
  });

  it('forgets a player: the session ends, and the token that is out serves on', async () => {
    const { session, accessToken, grant } = await signIn();
    expect(await upkeep.vault.forget(grant.userId)).toBeGreaterThan(0);
    await expect(upkeep.tokens.sessionGrant(session)).rejects.toThrow(ReauthenticationRequiredError);
    await expect(upkeep.tokens.refresh(grant.id)).rejects.toThrow(ReauthenticationRequiredError);
    expect(await upkeep.tokens.listGrants(grant.userId)).toEqual([]);
    expect(await verdictOf(accessToken.token)).toBe('valid');
  });

  it('forgets a player whose tokens were revoked before: they end as well', async () => {
    const { accessToken, grant } = await signIn(1);
    await upkeep.revocations.revoke({ userId: grant.userId });
    await upkeep.vault.forget(grant.userId);
    expect(await upkeep.tokens.listGrants(grant.userId)).toEqual([]);
    expect(await verdictOf(accessToken.token)).toBe('invalid');
  });

  it('stores nothing of a refresh during which the player is forgotten', async () => {
    const { grant } = await signIn(2);
    const store = app.get(TokenStore);
    const commit = store.commitTokens.bind(store);
    jest.spyOn(store, 'commitTokens').mockImplementationOnce(async (tokens) => {
      await upkeep.vault.forget(grant.userId);
      return commit(tokens);
    });
    const refresh = upkeep.tokens.refresh(grant.id);
    await expect(refresh).rejects.toThrow(ReauthenticationRequiredError);
    expect(await upkeep.tokens.listGrants(grant.userId)).toEqual([]);
  });
});
