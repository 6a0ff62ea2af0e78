import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  type CodeExchange,
  memoryTokenStore,
  NowggAuthenticator,
  NowggAuthModule,
  NowggExplainService,
  NowggRevocationService,
  NowggTokenService,
} from 'nestjs-nowgg-auth';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { DataSource } from 'typeorm';
import { runInTerminal } from '../../libs/nowgg-auth/src/testing-support/run-command.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratingOptions } from '../support/token-service/migrated-database.js';
import { RING } from '../support/token-service/token-service.js';

const UNTIL = new Date('2099-01-01T00:00:00Z');

@Injectable()
class Desk {
  constructor(
    readonly explaining: NowggExplainService,
    readonly revocations: NowggRevocationService,
    readonly tokens: NowggTokenService,
    readonly authenticator: NowggAuthenticator,
  ) {}
}

describe('an explanation', () => {
  let cluster: PostgresCluster;
  let emulator: NowggEmulator;
  let app: INestApplicationContext;
  let desk: Desk;
  const printed: string[] = [];
  const secrets: string[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    emulator = await startNowggEmulator();
    const testing = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot(migratingOptions(cluster.url)),
        NowggAuthModule.forRoot({
          clientId: 'demo-client',
          clientSecret: 'demo-secret',
          baseUrl: emulator.url,
          tokenStore: typeOrmTokenStore(),
          revocationStore: typeOrmRevocationStore(),
          strategyName: false,
          tokens: { encryptionKeys: [RING[0]], sessions: { max: 2 } },
        }),
      ],
      providers: [Desk],
    }).compile();
    app = await testing.init();
    desk = app.get(Desk);
  }, 60_000);
  afterAll(async () => {
    await app?.close();
    await emulator?.close();
    await cluster?.stop();
  }, 30_000);

  const newPlayer = () => emulator.addPlayer().userId;
  const signIn = async (userId: string, device?: string): Promise<CodeExchange> => {
    const signedIn = await desk.tokens.exchangeCode(emulator.issueCode({ userId }), { ...(device && { device }) });
    secrets.push(signedIn.accessToken.token, signedIn.session, signedIn.session.slice(-20));
    return signedIn;
  };
  const explain = async (...args: Parameters<NowggExplainService['explain']>) => {
    const explained = await desk.explaining.explain(...args);
    printed.push(JSON.stringify(explained));
    return explained;
  };
  const run = async (args: string, variables: Record<string, string> = {}) => {
    const outcome = await runInTerminal(args.split(' '), { DATABASE_URL: cluster.url, ...variables });
    printed.push(outcome.printed, outcome.complained);
    return outcome;
  };
  const json = async (args: string, variables: Record<string, string> = {}) =>
    JSON.parse((await run(`${args} --json`, variables)).printed) as Record<string, unknown>;
  const questions = () => emulator.requestCount();

  it('of a player lists devices, how each stands and why, and asks no identity system', async () => {
    const userId = newPlayer();
    const first = await signIn(userId, 'Phone');
    await signIn(userId, 'Tablet');
    await signIn(userId, 'Desktop');
    const before = questions();
    const explained = await explain({ userId });
    expect(questions()).toBe(before);
    expect(explained).toMatchObject({
      provider: 'nowgg',
      userId,
      verdict: { outcome: 'open', from: 'store', why: 'no ban or sign-out refuses the tokens of this player' },
      marks: [],
      hasMoreSessions: false,
      audit: [],
      bansKnown: { isLoaded: true, ageMs: expect.any(Number) },
    });
    expect(explained).not.toHaveProperty('ban');
    expect(explained.sessions.map(({ device, standing }) => [device, standing])).toEqual([
      ['Desktop', 'usable'],
      ['Tablet', 'usable'],
      ['Phone', 'signed_in_elsewhere'],
    ]);
    expect(explained.sessions[2]?.id).toBe(first.grant.id);
    expect(explained.sessions[0]).toMatchObject({ handleHasEnded: false, generation: 1 });
    expect(await json(`explain ${userId}`)).toMatchObject({
      command: 'explain',
      sessions: [{ device: 'Desktop' }, { device: 'Tablet' }, { device: 'Phone', standing: 'signed_in_elsewhere' }],
    });
  });

  it('of a token tells whose it is, its session, and what this process answers, without a question', async () => {
    const userId = newPlayer();
    const { accessToken, grant } = await signIn(userId);
    await desk.authenticator.authenticate(accessToken.token);
    const before = questions();
    const known = await explain({ token: accessToken.token });
    expect(known).toMatchObject({
      userId,
      verdict: {
        outcome: 'accepted',
        from: 'memory',
        why: expect.stringMatching(/^this process has a verdict that is \d s/),
      },
      token: { wellFormed: true, handedOutFor: [{ sessionId: grant.id, isNewest: true }] },
    });
    const renewed = await desk.tokens.refresh(grant.id);
    secrets.push(renewed.token);
    const older = await explain({ token: accessToken.token });
    expect(older.token?.handedOutFor).toMatchObject([{ sessionId: grant.id, isNewest: false }]);
    const refreshes = questions();
    const unknown = await explain({ token: 'planted-token-of-no-player' });
    secrets.push('planted-token-of-no-player');
    expect(unknown).not.toHaveProperty('userId');
    expect(unknown).toMatchObject({ verdict: { outcome: 'open', from: 'store' }, sessions: [] });
    expect(unknown.verdict.why).toContain('it was not handed out here');
    expect(questions()).toBe(refreshes);
    expect(refreshes - before).toBe(1);
    const asked = await explain({ token: 'planted-token-of-no-player' }, { ask: true });
    expect(asked.verdict).toMatchObject({ from: 'identity_system' });
    expect(questions()).toBe(refreshes + 1);
  });

  it('of a banned player names the ban, its author and the acts, and the verdict of each door', async () => {
    const userId = newPlayer();
    const { accessToken } = await signIn(userId);
    const reason = { code: 'cheating' };
    await desk.revocations.revoke({ userId }, { until: UNTIL, reason, by: 'desk-7', note: 'case 12' });
    const expected = {
      userId,
      verdict: { outcome: 'refused', reason: 'user_banned', from: 'store' },
      ban: { until: UNTIL, reasonCode: 'cheating', by: 'desk-7', beganAt: expect.any(Date) },
      marks: [{ on: 'user', refuses: 'everything', until: UNTIL }],
      audit: [{ action: 'ban', by: 'desk-7', note: 'case 12' }],
    };
    expect(await explain({ userId })).toMatchObject(expected);
    const marks = [...expected.marks, { on: 'credential', refuses: 'issued_before' }];
    expect(await explain({ token: accessToken.token })).toMatchObject({ ...expected, marks });
    expect((await explain({ userId })).sessions).toMatchObject([{ standing: 'signed_out' }]);
    const { exitCode, printed: text } = await run(`explain ${userId}`);
    expect(exitCode).toBe(0);
    expect(text).toContain('verdict   refused (user_banned): the user is banned until 2099-01-01T00:00:00.000Z\n');
    expect(text).toMatch(/\nban {7}until 2099-01-01T00:00:00.000Z, by desk-7, for cheating, since \d{4}-/);
    expect(text).toMatch(/\naudit\n {2}\d{4}-\S+ {2}ban, .*by desk-7, for cheating, note: case 12\n$/);
    expect(await json('explain --token-env PLAYER', { PLAYER: accessToken.token })).toMatchObject({
      userId,
      verdict: { outcome: 'refused', reason: 'user_banned' },
    });
    await desk.revocations.restore({ userId }, { by: 'desk-8' });
    const restored = await explain({ userId });
    expect(restored).toMatchObject({ verdict: { outcome: 'open' }, marks: [] });
    expect(restored.audit?.map(({ action }) => action)).toEqual(['restore', 'ban']);
  });

  it('of a player who was signed out tells since when, and that newer tokens are not concerned', async () => {
    const userId = newPlayer();
    const { accessToken } = await signIn(userId);
    await desk.revocations.revoke({ userId }, { by: 'desk-7' });
    expect(await explain({ token: accessToken.token })).toMatchObject({
      verdict: { outcome: 'refused', reason: 'revoked_token' },
      sessions: [{ standing: 'signed_out' }],
    });
    expect(await explain({ userId })).toMatchObject({
      verdict: {
        outcome: 'open',
        why: expect.stringMatching(/^tokens from before .* are refused, newer ones are not$/),
      },
      marks: [{ on: 'user', refuses: 'issued_before', writtenAt: expect.any(Date) }],
    });
    const other = await signIn(newPlayer());
    await desk.tokens.revoke(other.grant.id);
    expect(await explain({ token: other.accessToken.token })).toMatchObject({
      verdict: { outcome: 'refused', reason: 'revoked_token' },
      sessions: [{ standing: 'signed_out', why: expect.stringContaining('this application ended it') }],
    });
  });

  it('of a player whose refresh fails tells its last outcome', async () => {
    const userId = newPlayer();
    const { grant } = await signIn(userId);
    await app
      .get(DataSource)
      .query(`UPDATE nowgg_grant SET access_not_after = now() - interval '1 minute' WHERE id = $1`, [grant.id]);
    expect((await explain({ userId })).sessions).toMatchObject([{ standing: 'refresh_due' }]);
    emulator.setFault({ kind: 'status', status: 503, endpoint: 'token' });
    await expect(desk.tokens.getAccessToken(grant.id)).rejects.toMatchObject({ errorCode: 'identity_unavailable' });
    emulator.clearFaults();
    const [session] = (await explain({ userId })).sessions;
    expect(session).toMatchObject({ standing: 'waiting', trouble: { nextAttemptAt: expect.any(Date) } });
    expect((await run(`explain ${userId}`)).printed).toMatch(
      /\n {2}waiting {7}.*\n.*\n.*\n {4}refresh: .*no attempt before/,
    );
  });

  it('refuses what names no player and no token, or both', async () => {
    const wrong = [{}, { userId: 'p', token: 't' }, { userId: '' }, { token: '' }, { userId: 7 }, undefined];
    for (const target of wrong) {
      await expect(desk.explaining.explain(target as never)).rejects.toMatchObject({ errorCode: 'invalid_request' });
    }
    await expect(desk.explaining.explain({ userId: 'p', provider: 'other' })).rejects.toThrow('no identity provider');
    expect((await run(`explain planted-player`)).printed).toContain('sessions  0\n');
    expect(await run('explain --token-env PLAYER')).toMatchObject({ exitCode: 2, printed: '' });
  });

  it('is there in memory too, with nothing of an audit', async () => {
    const testing = await Test.createTestingModule({
      imports: [
        NowggAuthModule.forRoot({
          clientId: 'demo-client',
          clientSecret: 'demo-secret',
          baseUrl: emulator.url,
          tokenStore: memoryTokenStore(),
          strategyName: false,
          tokens: { encryptionKeys: [RING[0]] },
        }),
      ],
      providers: [Desk],
    }).compile();
    await testing.init();
    const inMemory = testing.get(Desk);
    const userId = newPlayer();
    await inMemory.tokens.exchangeCode(emulator.issueCode({ userId }), { device: 'Phone' });
    await inMemory.revocations.revoke({ userId }, { until: UNTIL });
    const explained = await inMemory.explaining.explain({ userId });
    expect(explained).toMatchObject({ verdict: { reason: 'user_banned' }, sessions: [{ device: 'Phone' }] });
    expect(explained).not.toHaveProperty('audit');
    await testing.close();
  });

  it('had no token, session handle or ciphertext in any of these answers', async () => {
    const stored = (await app
      .get(DataSource)
      .query(`SELECT encode(refresh_ct, 'hex') AS r, encode(access_ct, 'hex') AS a FROM nowgg_grant`)) as {
      r: string;
      a: string;
    }[];
    const bytes = stored.flatMap(({ r, a }) => [r, a]).filter((hex) => hex !== '');
    const texts = bytes.flatMap((hex) => [hex.slice(0, 64), [...Buffer.from(hex, 'hex').subarray(20, 40)].join(',')]);
    expect(Math.min(secrets.length, texts.length)).toBeGreaterThan(10);
    const all = printed.join('\n');
    for (const secret of [...secrets, ...texts]) expect(all).not.toContain(secret);
  });
});
