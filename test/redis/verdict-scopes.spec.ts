import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { IdentityHttp, type IdentityHttpOutcome, type IdentityProviderDefinition, nowgg } from 'nestjs-nowgg-auth';
import {
  introspection,
  type IntrospectionOptions,
  jwt,
  type JwtVerificationOptions,
  oauth2,
  type OAuth2ProviderOptions,
  resolver,
  type ResolverOptions,
  tokenInfo,
  type TokenInfoMap,
  type TokenInfoOptions,
  userinfo,
} from 'nestjs-nowgg-auth/oauth2';
import type { IdentityProvider } from '../../libs/nowgg-auth/src/identity/identity-provider.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { VerificationResult, instantOf } from '../../libs/nowgg-auth/src/verification/decision/verification-result.js';
import { Confidence } from '../../libs/nowgg-auth/src/verification/cache/confidence.js';
import { DistributedSingleFlight } from '../../libs/nowgg-auth/src/verification/cache/distributed-single-flight.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { type Cache, connectedCache, factsOf, keyOf, observer } from './support.js';

class NoHttp extends IdentityHttp {
  override async send(): Promise<IdentityHttpOutcome> {
    return { status: 'failed', sent: 'no', reason: 'network' };
  }
}

type Settings<T> = { readonly [Name in keyof Required<T>]: readonly [NonNullable<T[Name]>, T[Name]] };

const clock = new OffsetClock();
let server: RedisServer;
let redis: Awaited<ReturnType<typeof observer>>;
let cache: Cache;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await observer(server.url);
  cache = await connectedCache(server.url, { clock });
});
beforeEach(() => redis.flushAll());
afterAll(async () => {
  await cache.close();
  redis.destroy();
  await server.stop();
});

const ANY_AGE = { asksNow: false, serves: () => true, keepOlder: async () => undefined };

/** A process of an application, as far as sharing goes: its providers, and the Redis and key of all. */
class Application {
  asked = 0;
  readonly #provider: IdentityProvider;
  readonly #asking: DistributedSingleFlight;

  constructor(definitions: readonly IdentityProviderDefinition[], clockSkewMs = 5_000) {
    const context = { http: new NoHttp(), clock, clockSkewMs };
    const providers = new IdentityProviders(definitions.map((definition) => definition.create(context)));
    this.#provider = [...providers][0] as IdentityProvider;
    const times = { maxAgeMs: 30_000, staleIfErrorMs: 0, timeoutMs: 3_000 };
    const sharing = { confidence: new Confidence(times), scope: providers.verdictScope };
    this.#asking = new DistributedSingleFlight(cache, clock, times, sharing);
  }

  /** Whose verdict a caller gets. */
  async verify(): Promise<string | undefined> {
    const { name: provider, clientKey } = this.#provider;
    const ask = async () => {
      this.asked += 1;
      const facts = factsOf({ provider, clientKey, userId: 'player' });
      return new VerificationResult({ status: 'valid', facts }, instantOf(clock), 'miss');
    };
    const { verdict } = await this.#asking.ask(keyOf('token'), this.#provider, ANY_AGE, ask);
    return verdict.status;
  }
}

async function shares(one: Application, other: Application): Promise<boolean> {
  await redis.flushAll();
  await one.verify();
  await other.verify();
  expect(one.asked).toBe(1);
  return other.asked === 0;
}

const web = {
  name: 'web',
  clientId: 'game',
  clientSecret: 'secret',
  issuer: 'https://id.example',
  verification: introspection(),
} satisfies OAuth2ProviderOptions;

/** Both values of each setting of each method; a new setting does not compile until it stands here. */
const introspectionSettings = {
  sameClient: [true, false],
  requireTokenType: [true, false],
  audience: ['https://api.example', undefined],
  dpop: [{ publicUrl: 'https://api.example' }, undefined],
} as const satisfies Settings<IntrospectionOptions>;
const jwtSettings = {
  audience: ['https://api.example', 'https://other.example'],
  algorithms: [['RS256'], ['RS256', 'ES256']],
  typ: ['at+jwt', 'JWT'],
  sameClient: [true, false],
  clientClaim: ['cid', undefined],
  tokenUse: ['access', undefined],
  dpop: [{ publicUrl: 'https://api.example' }, undefined],
} as const satisfies Settings<JwtVerificationOptions>;
const resolverSettings = {
  url: ['https://id.example/resolve', 'https://id.example/other'],
} as const satisfies Settings<ResolverOptions>;
const map: TokenInfoMap = { userId: 'user', clientId: 'client', expiresIn: 'left', scopes: 'scopes' };
const mapSettings = {
  userId: ['user', 'other'],
  clientId: ['client', false],
  expiresIn: ['left', undefined],
  scopes: ['scopes', 'data.scopes'],
  deviceId: ['device', undefined],
} as const satisfies Settings<TokenInfoMap>;
const tokenInfoSettings = {
  url: ['https://id.example/info', 'https://id.example/other'],
  map: [map, { ...map, userId: 'other' }],
} as const satisfies Settings<TokenInfoOptions>;

type Pair = readonly [what: string, IdentityProviderDefinition, IdentityProviderDefinition];

function pairsOf(method: string, settings: object, make: (changes: object) => IdentityProviderDefinition): Pair[] {
  return Object.entries(settings as Settings<Record<string, unknown>>).map(([name, [one, other]]) => [
    `${name} of ${method}`,
    make({ [name]: one }),
    make({ [name]: other }),
  ]);
}

const by = (verification: OAuth2ProviderOptions['verification']) => oauth2({ ...web, verification });
const nowggClient = { clientId: 'game', clientSecret: 'secret' };
const endpoints = { introspection: 'https://id.example/introspect', userinfo: 'https://id.example/me' };
const methods = {
  introspection: introspection(),
  userinfo: userinfo(),
  jwt: jwt({ audience: 'https://api.example' }),
  resolver: resolver({ url: 'https://id.example/resolve' }),
  tokenInfo: tokenInfo({ url: 'https://id.example/info', map }),
};

const pairs: readonly Pair[] = [
  ...pairsOf('now.gg', { name: ['nowgg', 'title-b'], clientId: ['a', 'b'] }, (changes) =>
    nowgg({ ...nowggClient, ...changes }),
  ),
  ...pairsOf(
    'now.gg',
    { baseUrl: ['https://now.gg', 'https://staging.example'], issuer: ['https://now.gg', 'x'] },
    (changes) => nowgg({ ...nowggClient, ...changes }),
  ),
  ['kinds of token that can be verified', nowgg(nowggClient), nowgg({ clientId: 'game' })],
  ...pairsOf(
    'a web client',
    {
      name: ['web', 'title-b'],
      clientId: ['a', 'b'],
      issuer: ['https://id.example', 'https://staging.example'],
      scopeSeparator: [' ', ','],
      endpoints: [endpoints, { ...endpoints, introspection: 'https://staging.example/introspect' }],
      allowInsecure: [false, true],
    },
    (changes) => oauth2({ ...web, ...changes }),
  ),
  ...pairsOf('introspection', introspectionSettings, (changes) => by(introspection(changes))),
  ...pairsOf('jwt', jwtSettings, (changes) => by(jwt({ audience: 'https://api.example', ...changes }))),
  ...pairsOf('jwt beside another method', jwtSettings, (changes) =>
    by({ jwt: jwt({ audience: 'https://api.example', ...changes }), opaque: introspection() }),
  ),
  ...pairsOf('resolver', resolverSettings, (changes) =>
    by(resolver({ url: 'https://id.example/resolve', ...changes })),
  ),
  ...pairsOf('tokenInfo', tokenInfoSettings, (changes) =>
    by(tokenInfo({ url: 'https://id.example/info', map, ...changes })),
  ),
  ...pairsOf('the map of tokenInfo', mapSettings, (changes) =>
    by(tokenInfo({ url: 'https://id.example/info', map: { ...map, ...changes } })),
  ),
  ...Object.entries(methods).flatMap(([one, first], index) =>
    Object.entries(methods)
      .slice(index + 1)
      .map(([other, second]): Pair => [`method: ${one} or ${other}`, by(first), by(second)]),
  ),
];

describe('two applications on one Redis with one key', () => {
  it.each(pairs)("that differ in the %s never see each other's verdicts", async (_, one, other) => {
    expect(await shares(new Application([one]), new Application([other]))).toBe(false);
    expect(await shares(new Application([other]), new Application([one]))).toBe(false);
    expect(await shares(new Application([one]), new Application([one]))).toBe(true);
  });

  it("that differ in a further provider, or in their tolerance of clocks, never see each other's verdicts", async () => {
    const more = nowgg({ ...nowggClient, name: 'second' });
    expect(await shares(new Application([by(introspection())]), new Application([by(introspection()), more]))).toBe(
      false,
    );
    expect(await shares(new Application([by(introspection())], 1_000), new Application([by(introspection())]))).toBe(
      false,
    );
  });

  it('that are configured at random share exactly where they are configured alike', async () => {
    const configuration = fc.record({
      name: fc.constantFrom('web', 'title-b'),
      clientId: fc.constantFrom('a', 'b'),
      clientSecret: fc.string({ minLength: 1 }).filter((text) => text.trim() !== ''),
      issuer: fc.constantFrom('https://id.example', 'https://staging.example'),
      method: fc.constantFrom(...(Object.keys(methods) as (keyof typeof methods)[])),
    });
    const make = ({ method, ...client }: typeof configuration extends fc.Arbitrary<infer T> ? T : never) =>
      new Application([oauth2({ ...client, verification: methods[method] })]);
    const check = fc.asyncProperty(configuration, configuration, async (one, other) => {
      const isAlike = JSON.stringify({ ...one, clientSecret: 0 }) === JSON.stringify({ ...other, clientSecret: 0 });
      return (await shares(make(one), make(other))) === isAlike;
    });
    await expect(fc.assert(check, { numRuns: 300 })).resolves.toBeUndefined();
  }, 60_000);
});

describe('two processes of one application share everything', () => {
  const alike: readonly Pair[] = [
    ['now.gg secret is rotated', nowgg(nowggClient), nowgg({ ...nowggClient, clientSecret: 'new' })],
    ['web secret is rotated', oauth2(web), oauth2({ ...web, clientSecret: 'new' })],
    ['base URL is spelled with a slash', nowgg(nowggClient), nowgg({ ...nowggClient, baseUrl: 'https://now.gg/' })],
    ['default is written out', by(introspection()), by(introspection({ sameClient: true }))],
    [
      'sign-in is set up in one of them only',
      oauth2(web),
      oauth2({ ...web, redirectUri: 'https://game.example/back', scopes: ['openid'], clientAuthentication: 'post' }),
    ],
  ];

  it.each(alike)('though the %s', async (_, one, other) => {
    expect(await shares(new Application([one]), new Application([other]))).toBe(true);
  });
});
