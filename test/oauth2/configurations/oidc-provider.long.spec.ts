import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Browser } from '../support/browser.js';
import { IdentitySystem } from '../support/identity-system.js';
import { SecurityEvents } from '../support/security-events.js';
import { WebGame } from '../support/web-game.js';
import { type Configuration, providerFor, shapeOf } from './configuration.js';
import { REFUSED } from './refused.js';
import { WORKING, WORKING_WITHOUT_REFRESH } from './working.js';

jest.setTimeout(60_000);

/**
 * Starts the provider with copies of the clients that it takes for plain objects: those of `structuredClone` are objects
 * of Node's own realm, and the provider runs in Jest's.
 */
async function startSystem(configuration: Configuration): Promise<IdentitySystem> {
  const { structuredClone } = globalThis;
  globalThis.structuredClone = copyOf as typeof structuredClone;
  try {
    return await IdentitySystem.start(shapeOf(configuration));
  } finally {
    globalThis.structuredClone = structuredClone;
  }
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copyOf(member)])) : value;
}

/** Configurations of oidc-provider, a certified OpenID provider, each with the options that an application would set. */
describe('oidc-provider', () => {
  const opened: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const part of opened.splice(0).toReversed()) await part[Symbol.asyncDispose]();
  });

  const start = async (configuration: Configuration) => {
    const system = await startSystem(configuration);
    opened.push(system);
    const issuer = system.provider.issuer;
    const game = await WebGame.start([providerFor(issuer, configuration)], {}, configuration.platform);
    opened.push(game);
    return { system, game };
  };

  it('has at least 38 configurations that work, and no name twice', () => {
    const names = [...WORKING, ...WORKING_WITHOUT_REFRESH, ...REFUSED].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(WORKING.length + WORKING_WITHOUT_REFRESH.length).toBeGreaterThanOrEqual(38);
  });

  it.each(WORKING.map((configuration) => [configuration.name, configuration] as const))(
    'with %s signs a player in, recognises and refreshes them, and signs them out',
    async (_name, configuration) => {
      using events = new SecurityEvents();
      const { system, game } = await start(configuration);
      const { accessToken, grant, principal } = await game.signIn();
      expect(principal.userId).toContain('player-1');
      expect((await game.fetch('/guarded', accessToken.token)).status).toBe(200);
      for (const generation of [2, 3]) {
        const refreshed = await game.tokens.refresh(grant.id);
        expect(refreshed.generation).toBe(generation);
        expect((await game.fetch('/guarded', refreshed.token)).status).toBe(200);
      }
      const { token } = await game.tokens.getAccessToken(grant.id);
      expect(events.of('misconfigured_provider')).toEqual([]);
      await game.tokens.revoke(grant.id);
      expect((await game.fetch('/guarded', token)).status).toBe(401);
      await system.asked(`${configuration.shape?.path ?? ''}/token/revocation`);
      expect(await game.authorization.endSessionUrl('web', { state: 'bye' })).toContain('/session/end');
    },
  );

  it.each(WORKING_WITHOUT_REFRESH.map((configuration) => [configuration.name, configuration] as const))(
    'with %s signs a player in until the access token ends',
    async (_name, configuration) => {
      const { game } = await start(configuration);
      const { accessToken, grant } = await game.signIn();
      expect(grant).toMatchObject({ state: 'active', refreshable: false });
      expect((await game.fetch('/guarded', accessToken.token)).status).toBe(200);
      expect((await game.tokens.refresh(grant.id)).token).toBe(accessToken.token);
      game.clock.advance((accessToken.expiresAt as Date).getTime() - game.clock.now());
      await expect(game.tokens.getAccessToken(grant.id)).rejects.toMatchObject({
        errorCode: 'reauthentication_required',
      });
    },
  );

  it.each(REFUSED.map((configuration) => [configuration.name, configuration] as const))(
    'with %s refuses a sign-in, names the cause and stores nothing',
    async (_name, configuration) => {
      using events = new SecurityEvents();
      const { attempts = 1, cause, event = cause, status = 500 } = configuration;
      const { game } = await start(configuration);
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const error = await game.signIn().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ status, message: expect.stringMatching(cause) });
      }
      const details = events.of('misconfigured_provider').map(({ detail }) => detail);
      expect(details.join('\n')).toMatch(event);
      expect(await game.tokens.listGrants('player-1')).toEqual([]);
    },
  );

  it('of a token for the API only: user information is a 403, not an outage', async () => {
    const { game } = await start({ name: 'default' });
    const { accessToken } = await game.signIn();
    await expect(game.accounts.getUserInfo(accessToken.token)).rejects.toMatchObject({
      status: 403,
      errorCode: 'information_unavailable',
    });
  });

  it('refreshes once for 20 callers after the end of a token', async () => {
    const { system, game } = await start({ name: 'rotating', system: { rotateRefreshToken: true } });
    const { accessToken, grant } = await game.signIn();
    const asked = system.seenAt('/token').length;
    game.clock.advance((accessToken.expiresAt as Date).getTime() - game.clock.now());
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => game.tokens.getAccessToken(grant.id)));
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(system.seenAt('/token')).toHaveLength(asked + 1);
  });

  it('gives the application a token of its own, for the resource that it names', async () => {
    const { game } = await start({
      name: 'application',
      options: { applicationParameters: { resource: 'https://api.game.example' }, applicationScopes: ['read'] },
    });
    const { token } = await game.applicationTokens.getApplicationToken('web');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >;
    expect(claims).toMatchObject({ aud: 'https://api.game.example', scope: 'read' });
  });

  it('cannot be asked for another way back: response_mode is refused at the start', async () => {
    const system = await startSystem({ name: 'default' });
    opened.push(system);
    const options = { authorizationParameters: { response_mode: 'form_post' } };
    expect(() => providerFor(system.url, { name: 'form_post', options })).toThrow(/response_mode/);
  });

  it('sends the browser only a reference when the request is pushed', async () => {
    const { game, system } = await start(WORKING.find(({ name }) => name.includes('required by')) as Configuration);
    const { url } = await game.authorization.authorizationUrl('web');
    expect([...new URL(url).searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
    system.mood = 'broken';
    await expect(game.authorization.authorizationUrl('web')).rejects.toMatchObject({ status: 503 });
    system.mood = 'gone';
    await expect(game.authorization.authorizationUrl('web')).rejects.toMatchObject({ status: 503 });
    system.mood = 'up';
    expect(await game.finish(new Browser(), 'https://game.example/auth/callback').catch(() => 'refused')).toBe(
      'refused',
    );
    expect((await game.signIn()).principal.userId).toBe('player-1');
  });
});
