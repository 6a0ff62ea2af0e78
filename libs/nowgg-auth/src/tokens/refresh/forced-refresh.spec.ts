import { beforeEach, describe, expect, it } from '@jest/globals';
import { errorOf, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';

const LIMITED = { minAgeMs: 10_000 };
let world: TokenServiceUnderTest;

beforeEach(() => {
  world = new TokenServiceUnderTest();
});

describe('forced refreshes', () => {
  it('in a loop cause one call within the least time, over all processes', async () => {
    const { grant, accessToken } = await world.signIn();
    const processes = [world.service, world.anotherProcess()];
    let { generation } = accessToken;
    for (let n = 0; n < 200; n += 1) {
      const service = processes[n % 2] as (typeof processes)[number];
      ({ generation } = await service.refresh(grant.id, { ifGeneration: generation, ...LIMITED }));
      world.clock.advance(40);
    }
    expect(world.provider.refreshTokens).toHaveLength(1);
    world.clock.advance(10_000);
    await world.service.refresh(grant.id, { ifGeneration: generation, ...LIMITED });
    expect(world.provider.refreshTokens).toHaveLength(2);
  });

  it('are carried out for the first token of a grant at once', async () => {
    const { grant, accessToken } = await world.signIn();
    const { generation } = await world.service.refresh(grant.id, { ifGeneration: 1, ...LIMITED });
    expect([accessToken.generation, generation]).toEqual([1, 2]);
  });

  it('do not give a token again that the caller reports and the identity system refuses, in any process', async () => {
    const { grant } = await world.signIn();
    const { token, generation } = await world.service.refresh(grant.id);
    world.clock.advance(4_000);
    world.authenticator.verdicts.set(token, { status: 'invalid', reason: 'invalid_token' });
    const reported = { ifGeneration: generation, ...LIMITED };
    for (const service of [world.service, world.anotherProcess()]) {
      expect(await errorOf(service.refresh(grant.id, reported))).toMatchObject({ retryAfterSeconds: 6 });
      expect(await errorOf(service.getAccessToken(grant.id, reported))).toMatchObject({ retryAfterSeconds: 6 });
    }
    expect(world.authenticator.calls.at(-1)?.policy).toMatchObject({ maxAgeMs: 0 });
    expect(world.provider.refreshTokens).toHaveLength(1);
    world.clock.advance(6_000);
    expect((await world.service.refresh(grant.id, reported)).generation).toBe(generation + 1);
  });

  it('give a reported token again when the identity system accepts it, or cannot say', async () => {
    const { grant } = await world.signIn();
    const { token, generation } = await world.service.refresh(grant.id);
    const reported = { ifGeneration: generation, ...LIMITED };
    expect((await world.service.refresh(grant.id, reported)).token).toBe(token);
    world.authenticator.verdicts.set(token, { status: 'unknown', reason: 'timeout', retryAfterSeconds: 1 });
    expect((await world.service.refresh(grant.id, reported)).token).toBe(token);
  });

  it('do not give a token again that the caller reports and the identity system has refused once', async () => {
    const { grant } = await world.signIn();
    const { token, generation } = await world.service.refresh(grant.id);
    const reported = { ifGeneration: generation, ...LIMITED };
    world.authenticator.verdicts.set(token, { status: 'unknown', reason: 'unconfirmed_refusal', retryAfterSeconds: 2 });
    for (const service of [world.service, world.anotherProcess()]) {
      expect(await errorOf(service.refresh(grant.id, reported))).toMatchObject({ retryAfterSeconds: 2 });
      expect(await errorOf(service.getAccessToken(grant.id, reported))).toMatchObject({ retryAfterSeconds: 2 });
    }
    expect(world.provider.refreshTokens).toHaveLength(1);
  });

  it('wait after an attempt that failed', async () => {
    const { grant } = await world.signIn();
    world.clock.advance(20_000);
    for (let n = 0; n < 3; n += 1) world.provider.answers.push({ status: 'busy' });
    const refused = async () => errorOf(world.service.refresh(grant.id, { ifGeneration: 1, ...LIMITED }));
    expect(await refused()).toMatchObject({ errorCode: 'identity_unavailable' });
    world.clock.advance(5_000);
    expect(await refused()).toMatchObject({ errorCode: 'identity_unavailable', retryAfterSeconds: 5 });
    expect(world.provider.refreshTokens).toHaveLength(1);
    world.clock.advance(5_000);
    await refused();
    expect(world.provider.refreshTokens).toHaveLength(2);
  });

  it('replace a token that has expired whatever its age', async () => {
    const { grant } = await world.signIn();
    world.provider.lifeMs = 5_000;
    await world.service.refresh(grant.id);
    world.clock.advance(5_000);
    expect((await world.service.refresh(grant.id, { ifGeneration: 2, ...LIMITED })).generation).toBe(3);
  });

  it('are not repeated for a token whose life is not known', async () => {
    const { grant } = await world.signIn();
    world.provider.lifeMs = undefined;
    await world.service.refresh(grant.id);
    for (let n = 0; n < 20; n += 1) await world.service.getAccessToken(grant.id, { minLifeShare: 0.2, ...LIMITED });
    expect(world.provider.refreshTokens).toHaveLength(1);
  });

  it('by the application itself are not limited', async () => {
    const { grant } = await world.signIn();
    for (let n = 0; n < 3; n += 1) await world.service.refresh(grant.id);
    expect(world.provider.refreshTokens).toHaveLength(3);
  });
});

describe('codes that the token endpoint has no patience for', () => {
  it('leave the refreshes of players who are signed in alone', async () => {
    const { grant } = await world.signIn();
    world.provider.answers.push({ status: 'busy', retryAfterMs: 60_000 });
    expect(await errorOf(world.service.exchangeCode('made-up'))).toMatchObject({ retryAfterSeconds: 60 });
    expect((await world.service.refresh(grant.id)).generation).toBe(2);
    expect(await errorOf(world.service.exchangeCode('another'))).toMatchObject({ retryAfterSeconds: 60 });
    expect(world.provider.codes).toHaveLength(2);
  });

  it('that are refused end at a limit, claim nothing beyond it, and leave refreshes alone', async () => {
    const { grant } = await world.signIn();
    const refusal = { status: 'refused', code: 'INVALID_CODE', isFinal: false } as const;
    world.provider.answers.push(...Array.from({ length: 31 }, () => refusal));
    for (let n = 0; n < 100; n += 1) await errorOf(world.service.exchangeCode(`made-up-${n}`));
    expect(world.provider.codes.length).toBeLessThanOrEqual(32);
    expect((await world.store.countVault()).exchanges).toBe(1);
    expect((await world.service.refresh(grant.id)).generation).toBe(2);
    // The first code again still gives its grant.
    expect((await world.service.exchangeCode('code-1')).grant.id).toBe(grant.id);
  });
});
