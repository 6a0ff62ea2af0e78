import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/answers.js';
import { AppUnderTest, platforms } from '../../support/app-under-test.js';
import { acceptAny, refused } from '../../support/now-gg-messages.js';
import { json } from '../../support/raw-answers.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

describe.each(platforms)('a client secret in doubt on %s', (platform) => {
  it('turns refusals into outages when every well-formed token of ours is refused, and says so once', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused()));
    for (const _token of [1, 2, 3, 4]) expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    await app.fetch('/guarded', app.token());
    const token = app.token();
    expectAnswer(await app.fetch('/guarded', token), 'S');
    expectAnswer(await app.fetch('/lenient', app.token()), 'S');
    expect(app.securityEvents).toContainEqual({ type: 'own_credentials_suspect', provider: 'nowgg' });
    expect(app.handled).toEqual([]);

    // The secret is put right at the identity system: the same token is accepted, nothing was remembered of it.
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.peer.alwaysAnswer(json(200, refused()));
    expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
  });

  it('never doubts while tokens are accepted', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer(acceptAny).alwaysAnswer(json(200, refused()));
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    for (const _token of Array.from({ length: 12 })) expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    expect(app.securityEvents).toEqual([]);
  });

  it.each([
    ['opaque tokens', (app: AppUnderTest) => app.opaque(), 'INVALID_TOKEN'],
    ['tokens of nobody', (app: AppUnderTest) => app.signed({ userId: 'x' }), 'INVALID_TOKEN'],
    ['tokens of another client', (app: AppUnderTest) => app.token({ aud: 'another-client' }), 'INVALID_TOKEN'],
    ['tokens past their exp', (app: AppUnderTest) => app.token({ exp: 1 }), 'INVALID_TOKEN'],
    ['expired ones', (app: AppUnderTest) => app.token(), 'EXPIRED_TOKEN'],
  ] as const)('never doubts for %s', async (_what, make, code) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused(code)));
    for (const _token of Array.from({ length: 12 })) expectAnswer(await app.fetch('/guarded', make(app)), 'U1');
    expect(app.securityEvents).toEqual([]);
  });

  it('never doubts for one token that is sent again and again', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused()));
    const token = app.token();
    for (const _again of Array.from({ length: 12 })) {
      expectAnswer(await app.fetch('/guarded', token), 'U1');
      app.clock.step(6_000);
    }
    expect(app.securityEvents).toEqual([]);
  });
});
