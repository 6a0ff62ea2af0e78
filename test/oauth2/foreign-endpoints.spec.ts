import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import { type IdentityProvider, NowggAuthModule, SystemClock } from 'nestjs-nowgg-auth';
import { introspection, jwt, oauth2, type OAuth2ProviderOptions, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { Authenticated } from './support/authenticated.js';
import { FetchIdentityHttp } from './support/fetch-identity-http.js';
import { Issuer } from './support/issuer.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { SecurityEvents } from './support/security-events.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const REDIRECT_URI = 'https://game.example/auth/callback';

let issuer: Issuer;
let elsewhere: ScriptedSystem;
let events: SecurityEvents;
let foreignHost: string;

beforeEach(async () => {
  issuer = await Issuer.start();
  elsewhere = await ScriptedSystem.start();
  events = new SecurityEvents();
  foreignHost = new URL(elsewhere.url).host;
});
afterEach(async () => {
  events[Symbol.dispose]();
  await issuer[Symbol.asyncDispose]();
  await elsewhere[Symbol.asyncDispose]();
});

const web = (more: Partial<OAuth2ProviderOptions> = {}) =>
  oauth2({
    name: 'web',
    issuer: issuer.url,
    clientId: 'c',
    clientSecret: 'a-client-secret',
    redirectUri: REDIRECT_URI,
    verification: introspection(),
    ...more,
  });

const boot = (provider: ReturnType<typeof web>) =>
  NestFactory.createApplicationContext(
    NowggAuthModule.forRoot({ identityProviders: [provider], strategyName: false }),
    { logger: false, abortOnError: false },
  );

describe('a discovery document that names another origin for credentials', () => {
  it.each(['token_endpoint', 'introspection_endpoint', 'revocation_endpoint', 'userinfo_endpoint'])(
    'as its %s refuses the boot by name, with the line to write',
    async (name) => {
      issuer.discovery = { [name]: `${elsewhere.url}/admin/shutdown` };
      const error = await boot(web()).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ errorCode: 'configuration' });
      const { message } = error as Error;
      expect(message).toContain('identity provider web');
      expect(message).toContain(name);
      expect(message).toContain(`endpointHosts: ['${foreignHost}']`);
      expect(events.of('foreign_endpoint')).toEqual([
        { type: 'foreign_endpoint', provider: 'web', detail: foreignHost },
      ]);
      expect(elsewhere.seen).toEqual([]);
    },
  );

  it('is followed where the host is named', async () => {
    issuer.discovery = { introspection_endpoint: `${elsewhere.url}/introspect` };
    await using site = await Authenticated.by([web({ endpointHosts: [foreignHost] })]);
    elsewhere.reply = { body: { active: true, sub: 'p', client_id: 'c', token_type: 'Bearer' } };
    expect(await site.outcome('opaque')).toBe('valid');
    expect(elsewhere.seen.map(({ path }) => path)).toEqual(['/introspect']);
  });

  it('gets neither secret, code nor token when it only comes after an outage at the start', async () => {
    issuer.mood = 'gone';
    await using game = await WebGame.start([web({ verification: userinfo() })]);
    const endpoints = ['token', 'introspection', 'revocation', 'userinfo'];
    issuer.discovery = Object.fromEntries(endpoints.map((name) => [`${name}_endpoint`, `${elsewhere.url}/${name}`]));
    issuer.mood = 'up';
    game.clock.advance(60_000);
    expect(await game.outcome('opaque-token')).toBe('unknown: foreign_endpoint');
    await expect(game.authorization.authorizationUrl()).rejects.toMatchObject({ status: 503 });
    await expect(game.applicationTokens.getApplicationToken()).rejects.toMatchObject({ status: 503 });
    expect(elsewhere.seen).toEqual([]);
    expect(events.of('foreign_endpoint').at(-1)?.detail).toBe(foreignHost);
    // Mended over there, it serves without a restart.
    issuer.discovery = {};
    game.clock.advance(60_000);
    expect((await game.authorization.authorizationUrl()).url).toContain('/authorize');
  });

  it('does not replace one that is good', async () => {
    await using game = await WebGame.start([web({ verification: userinfo() })]);
    issuer.discovery = { token_endpoint: `${elsewhere.url}/token` };
    game.clock.advance(600_001);
    expect((await game.authorization.authorizationUrl()).url).toContain('/authorize');
    await game.applicationTokens.getApplicationToken().catch(() => undefined);
    expect(elsewhere.seen).toEqual([]);
    expect(issuer.asked).toContain('/token');
  });

  it('sends nothing there from any call of a provider', async () => {
    const endpoints = ['token', 'introspection', 'revocation', 'userinfo'];
    issuer.discovery = Object.fromEntries(endpoints.map((name) => [`${name}_endpoint`, `${elsewhere.url}/${name}`]));
    const provider: IdentityProvider = web().create({
      http: new FetchIdentityHttp(),
      clock: new SystemClock(),
      clockSkewMs: 5_000,
    });
    const signal = AbortSignal.timeout(10_000);
    const authorization = { parameters: 'code=c&state=s', state: 's' };
    const outcomes = [
      await provider.exchangeCode({ code: 'c', authorization, signal }),
      await provider.refresh('refresh-token', signal),
      await provider.getUserInfo('access-token', signal),
      await provider.verify('access-token', 'token', signal),
    ];
    await provider.revoke('refresh-token', signal, 'access-token');
    expect(outcomes.map(({ status }) => status)).toEqual(['not_sent', 'not_sent', 'unknown', 'unknown']);
    expect(elsewhere.seen).toEqual([]);
  });
});

describe('a provider that only verifies JWTs', () => {
  it('asks nothing at the start, and never sends a token to a foreign userinfo endpoint', async () => {
    issuer.discovery = { userinfo_endpoint: `${elsewhere.url}/userinfo` };
    const verifying = oauth2({
      name: 'web',
      issuer: issuer.url,
      clientId: 'c',
      verification: jwt({ audience: 'https://api.example' }),
    });
    const app = await boot(verifying);
    expect(issuer.asked).toEqual([]);
    await app.close();
    const provider = verifying.create({ http: new FetchIdentityHttp(), clock: new SystemClock(), clockSkewMs: 5_000 });
    expect(await provider.getUserInfo('access-token', AbortSignal.timeout(10_000))).toEqual({ status: 'unsupported' });
    expect(elsewhere.seen).toEqual([]);
  });
});

describe('endpointHosts', () => {
  it.each<[unknown]>([
    ['oauth2.googleapis.com'],
    [['https://oauth2.googleapis.com']],
    [['OAuth2.googleapis.com']],
    [['oauth2.googleapis.com:443']],
    [['oauth2.googleapis.com/token']],
    [['*.googleapis.com']],
    [['user@host.example']],
    [['']],
    [[5]],
  ])('does not take %j', (endpointHosts) => {
    expect(() => web({ endpointHosts: endpointHosts as string[] })).toThrow(/endpointHosts must be/);
  });

  it.each([['oauth2.googleapis.com'], ['127.0.0.1:8443'], ['[::1]:9000'], ['xn--bcher-kva.example']])(
    'takes %s',
    (host) => {
      expect(() => web({ endpointHosts: [host] })).not.toThrow();
    },
  );
});
