import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import type { Authenticated } from './support/authenticated.js';
import { OperationCount } from '../support/operation-count.js';
import { ScriptedSystem } from './support/scripted-system.js';
import { NOTORIOUS, type TextShape, textOf, textShape } from './support/shapes-of-text.js';
import { Issuer } from './support/issuer.js';
import { Signer } from './support/signing.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';

jest.setTimeout(240_000);

const SOURCES =
  /\/(?:libs\/[^/]+|apps\/sample)\/src\/|\/node_modules\/(?:jose|openid-client|oauth4webapi|lru-cache|class-validator)\//;
const API = 'https://api.example';
const CLIENT = 'title-1';
/** Random shapes for each path, beside the notorious ones. */
const CASES = 12;
/** What a collection of tables or a first use may add, in operations. */
const SLACK = 600;

/** Loaded after the count has begun: V8 counts the blocks of what it compiles from then on. */
async function load() {
  return {
    auth: await import('nestjs-nowgg-auth'),
    oauth2: await import('nestjs-nowgg-auth/oauth2'),
    authenticated: await import('./support/authenticated.js'),
    credential: await import('../../libs/nowgg-auth/src/http/credential.js'),
    callback: await import('../../libs/nowgg-auth/src/oauth2/authorization/authorization-response.js'),
    cookie: await import('../../libs/nowgg-auth/src/oauth2/authorization/authorization-cookie.js'),
    body: await import('../../libs/nowgg-auth/src/routes/routes.dto.js'),
    validator: await import('class-validator'),
    code: await import('../../libs/nowgg-auth/src/tokens/exchange/code-exchange.js'),
    handle: await import('../../libs/nowgg-auth/src/tokens/session/session-handle.js'),
    ring: await import('../../libs/nowgg-auth/src/tokens/vault/key-ring.js'),
    retryAfter: await import('../../libs/nowgg-auth/src/identity/transport/http-reply.js'),
    scopes: await import('../../libs/nowgg-auth/src/identity/scopes.js'),
    json: await import('../../libs/nowgg-auth/src/identity/transport/http-reply.js'),
    expiry: await import('../../libs/nowgg-auth/src/identity/nowgg/token-endpoint.js'),
    clientRecord: await import('../../libs/nowgg-auth-client/src/session-record.js'),
    emulatorRequest: await import('../../libs/nowgg-emulator/src/http/request.js'),
    displayName: await import('../../apps/sample/src/players/display-name.js'),
  };
}

let operations: OperationCount;
let lib: Awaited<ReturnType<typeof load>>;
let issuer: Issuer;
let signer: Signer;
let system: ScriptedSystem;
const sites: Record<string, Authenticated> = {};

beforeAll(async () => {
  operations = OperationCount.start(SOURCES);
  lib = await load();
  issuer = await Issuer.start();
  signer = await Signer.create('RS256');
  issuer.publish([signer.publicJwk]);
  system = await ScriptedSystem.start();
  const { nowgg } = lib.auth;
  const { introspection, jwt, oauth2, resolver, tokenInfo, userinfo } = lib.oauth2;
  const client = { clientId: CLIENT, clientSecret: 's' };
  const endpoints = { userinfo: `${system.url}/userinfo`, introspection: `${system.url}/introspect` };
  const asked = { ...client, name: 'web', issuer: issuer.url, endpoints };
  const here = jwt({ audience: API });
  const map = { userId: 'userId', clientId: 'clientId', scopes: 'scopes' };
  const providers = {
    'jwt alone': [oauth2({ name: 'web', issuer: issuer.url, clientId: CLIENT, verification: here })],
    'jwt beside opaque': [
      oauth2({
        ...asked,
        endpoints: { ...endpoints, jwks: `${issuer.url}/jwks` },
        verification: { jwt: here, opaque: userinfo() },
      }),
    ],
    several: [
      nowgg({ name: 'mobile', clientId: 'app-1', clientSecret: 's', baseUrl: system.url }),
      ...['web', 'web-2', 'web-3'].map((name) =>
        oauth2({ name, issuer: issuer.url, clientId: name, verification: here }),
      ),
    ],
    'now.gg': [nowgg({ name: 'mobile', clientId: CLIENT, clientSecret: 's', baseUrl: system.url })],
    introspection: [oauth2({ ...asked, verification: introspection() })],
    userinfo: [oauth2({ ...asked, verification: userinfo() })],
    'token info': [oauth2({ ...asked, verification: tokenInfo({ url: `${system.url}/info`, map }) })],
    resolver: [oauth2({ ...asked, verification: resolver({ url: `${system.url}/resolve` }) })],
  };
  for (const [name, identityProviders] of Object.entries(providers)) {
    // No circuit spares a question.
    sites[name] = await lib.authenticated.Authenticated.by(identityProviders, { verification: { circuit: false } });
  }
  // The keys are known from here on.
  for (const name of ['jwt alone', 'jwt beside opaque']) await site(name).outcome(await signer.sign(goodClaims()));
});
afterAll(async () => {
  operations[Symbol.dispose]();
  for (const name of Object.keys(sites)) await site(name)[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

const site = (name: string) => sites[name] as Authenticated;
const seconds = () => Math.floor(Date.now() / 1000);
let made = 0;

function goodClaims(changes: Record<string, unknown> = {}) {
  made += 1;
  const times = { iat: seconds(), exp: seconds() + 600 };
  return { iss: issuer.url, sub: 'p', aud: API, client_id: CLIENT, jti: `t-${made}`, ...times, ...changes };
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (claims: object, header: object = {}) =>
  `${part({ alg: 'RS256', typ: 'at+jwt', ...header })}.${part(claims)}.c2lnbmF0dXJl`;

/** Makes what is measured, which then runs once. */
type Prepare = (text: string) => (() => unknown) | Promise<() => unknown>;

/** Finds shapes of texts for which a text of double length takes more than double the operations. */
async function moreThanLinear(longest: number, prepare: Prepare): Promise<readonly object[]> {
  // The seed varies; a failure names it.
  const seed = Date.now() % 1_000_000;
  const shapes = [...NOTORIOUS, ...fc.sample(textShape, { numRuns: CASES, seed })];
  const cost = async (length: number, some: readonly TextShape[]) => {
    const acts: (() => unknown)[] = [];
    for (const shape of some) acts.push(await prepare(textOf(shape, length)));
    return operations.of(async () => {
      for (const act of acts) await settled(act);
    });
  };
  const excess = async (some: readonly TextShape[]) => {
    const quarter = await cost(longest / 4, some);
    const half = await cost(longest / 2, some);
    const whole = await cost(longest, some);
    // Without what a text of any length costs.
    const growth = (whole - half) / Math.max(half - quarter, SLACK * some.length);
    return { isLinear: whole <= 2.2 * half + SLACK && growth <= 2.4, quarter, half, whole };
  };
  // What a first use compiles or keeps is not counted.
  await cost(16, shapes);
  const together = await excess(shapes);
  if (together.isLinear) return [];
  const found: object[] = [{ seed, together }];
  for (const shape of shapes) {
    const alone = await excess([shape]);
    if (!alone.isLinear) found.push({ ...shape, ...alone });
  }
  return found;
}

/** A refusal by an error is a refusal. */
async function settled(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch {
    // Only its cost counts here.
  }
}

it('the count tells linear work from quadratic work', async () => {
  const { readCredential } = lib.credential;
  const read = (length: number) =>
    operations.of(() => readCredential({ headers: { authorization: 'Bearer x' }, url: `/x?${'%;'.repeat(length)}` }));
  const quadratic = (length: number) =>
    operations.of(() => {
      for (let at = 0; at < length; at += 1) 'x'.repeat(length).indexOf('y');
    });
  await read(1);
  expect((await read(2_000)) / (await read(1_000))).toBeCloseTo(2, 1);
  expect((await quadratic(2_000)) / (await quadratic(1_000))).toBeCloseTo(4, 1);
});

describe('a request costs no more than linear time', () => {
  it.each<[string, (text: string) => unknown]>([
    ['header', (text) => ({ headers: { authorization: text } })],
    ['token', (text) => ({ headers: { authorization: `Bearer ${text}` } })],
    ['query', (text) => ({ headers: { authorization: 'Bearer x' }, url: `/x?${text}` })],
    ['list of headers', (text) => ({ headers: { authorization: 'Bearer x' }, rawHeaders: text.split('') })],
  ])('by its %s', async (_name, requestOf) => {
    expect(
      await moreThanLinear(8_000, (text) => {
        const request = requestOf(text) as Parameters<typeof lib.credential.readCredential>[0];
        return () => lib.credential.readCredential(request);
      }),
    ).toEqual([]);
  });

  it('by its body', async () => {
    const { NowggLoginBody, NowggRefreshBody } = lib.body;
    // All of them longer than any field may be: below that a fault costs more than none.
    expect(
      await moreThanLinear(32_000, (text) => () => {
        lib.validator.validateSync(Object.assign(new NowggLoginBody(), { code: text, provider: text }));
        lib.validator.validateSync(Object.assign(new NowggRefreshBody(), { session: text, generation: text }));
        return lib.code.isAuthorizationCode(text);
      }),
    ).toEqual([]);
  });

  it('by its session handle', async () => {
    const ring = new lib.ring.KeyRing([{ id: 'k1', key: strongKey(1) }]);
    expect(
      await moreThanLinear(8_000, (text) => () => {
        lib.handle.isSessionHandleShaped(text);
        return lib.handle.readSessionHandle(ring, text, [{ provider: 'p', clientKey: 'k' }]);
      }),
    ).toEqual([]);
  });

  it('by the query and the cookies of a callback', async () => {
    expect(
      await moreThanLinear(8_000, (text) => () => {
        lib.cookie.findSignIn(text, 'state', true);
        return lib.callback.only(lib.callback.queryOf(`/callback?${text}#${text}`), 'state');
      }),
    ).toEqual([]);
  });
});

describe.each(['jwt alone', 'jwt beside opaque', 'several', 'now.gg'])(
  'a token costs no more than linear time: %s',
  (name) => {
    beforeAll(() => {
      system.reply = { status: 401, body: { success: false, code: 'INVALID_TOKEN', error: 'invalid_token' } };
    });

    it('by its text', async () => {
      expect(await moreThanLinear(8_000, (text) => () => site(name).outcome(text))).toEqual([]);
    });

    it.each(['iss', 'aud', 'client_id', 'azp', 'exp', 'scope', 'jti'])('by its claim %s', async (claim) => {
      expect(
        await moreThanLinear(4_000, (text) => {
          const token = unsigned(goodClaims({ [claim]: text }));
          return () => site(name).outcome(token);
        }),
      ).toEqual([]);
    });

    it('by a list of audiences', async () => {
      expect(
        await moreThanLinear(1_600, (text) => {
          const token = unsigned(goodClaims({ aud: text.split('') }));
          return () => site(name).outcome(token);
        }),
      ).toEqual([]);
    });

    it.each(['kid', 'typ', 'alg', 'crit'])('by %s of its header', async (member) => {
      expect(
        await moreThanLinear(4_000, (text) => {
          const token = unsigned(goodClaims(), { [member]: member === 'crit' ? [text] : text });
          return () => site(name).outcome(token);
        }),
      ).toEqual([]);
    });

    it('when it is revoked, or explained to support staff', async () => {
      expect(
        await moreThanLinear(8_000, (text) => async () => {
          await site(name).revocation.revoke({
            token: text,
            provider: name === 'several' ? 'web' : undefined,
          } as never);
          return site(name).remembered(text);
        }),
      ).toEqual([]);
    });
  },
);

it.each(['iss', 'sub', 'aud', 'client_id', 'scope', 'sid', 'jti', 'email'])(
  'a token that the issuer signed costs no more than linear time by its claim %s',
  async (claim) => {
    expect(
      await moreThanLinear(4_000, async (text) => {
        const token = await signer.sign(goodClaims({ [claim]: claim === 'aud' ? [text, API] : text }));
        return () => site('jwt alone').outcome(token);
      }),
    ).toEqual([]);
  },
);

describe('a reply costs no more than linear time', () => {
  const opaque = () => {
    made += 1;
    return `opaque-${made}`;
  };

  it.each(['scope', 'iss', 'aud', 'token_type', 'client_id', 'sub', 'exp'])(
    'of introspection, by %s',
    async (member) => {
      expect(
        await moreThanLinear(16_000, (text) => {
          const body = { active: true, sub: 'p', client_id: CLIENT, token_type: 'Bearer', [member]: text };
          return () => {
            system.reply = { body };
            return site('introspection').outcome(opaque());
          };
        }),
      ).toEqual([]);
    },
  );

  it.each(['Bearer ', ''])('of userinfo, by a challenge that begins with %j', async (scheme) => {
    expect(
      await moreThanLinear(14_000, (text) => {
        const challenge = `${scheme}${text.replaceAll(/[^\x20-\x7e]/g, '')}`;
        return () => {
          system.reply = { status: 401, headers: { 'www-authenticate': challenge } };
          return site('userinfo').outcome(opaque());
        };
      }),
    ).toEqual([]);
  });

  it.each(['scope', 'aud', 'userId', 'iss', 'code'])('of now.gg, by %s', async (member) => {
    expect(
      await moreThanLinear(16_000, (text) => {
        const times = { exp: seconds() + 60, iat: seconds() };
        const decodedData = { iss: 'https://now.gg', aud: CLIENT, userId: 'p', tokenId: 't', ...times, [member]: text };
        return () => {
          system.reply = { body: { success: true, code: 'VERIFICATION_SUCCESS', decodedData, [member]: text } };
          return site('now.gg').outcome(opaque());
        };
      }),
    ).toEqual([]);
  });

  it('of token info', async () => {
    expect(
      await moreThanLinear(16_000, (text) => () => {
        system.reply = { body: { userId: 'p', clientId: CLIENT, scopes: text } };
        return site('token info').outcome(opaque());
      }),
    ).toEqual([]);
  });

  it.each(['user-roles', 'session-amr', 'user-id', 'session-valid'])('of a resolver, by %s', async (member) => {
    expect(
      await moreThanLinear(14_000, (text) => {
        const headers = { 'x-authgear-session-valid': 'true', 'x-authgear-user-id': 'p' };
        const long = { [`x-authgear-${member}`]: text.replaceAll(/[^\x20-\x7e]/g, '') };
        return () => {
          system.reply = { headers: { ...headers, ...long } };
          return site('resolver').outcome(opaque());
        };
      }),
    ).toEqual([]);
  });

  it('by its dates, scopes and types', async () => {
    expect(
      await moreThanLinear(16_000, (text) => () => {
        lib.retryAfter.readRetryAfterMs(text, text, 0);
        lib.expiry.readExpiry(text);
        lib.scopes.readScopes(text, ' ');
        lib.scopes.readScopes(text, ',');
        return lib.json.readJsonBody(Buffer.from('{}'), `application/${text}`, text);
      }),
    ).toEqual([]);
  });
});

it('the client, the emulator and the sample take no more than linear time for a text', async () => {
  expect(
    await moreThanLinear(16_000, (text) => {
      const request = { socket: { remoteAddress: '127.0.0.1' }, headers: { host: text, origin: text } };
      return () => {
        lib.clientRecord.readTokenReply({ token: text, tokenExpiresAt: text, generation: 1, session: text });
        lib.emulatorRequest.isFromThisMachine(request as unknown as IncomingMessage);
        lib.emulatorRequest.isFromStrangePage(request as unknown as IncomingMessage);
        return lib.displayName.displayNameFrom(text);
      };
    }),
  ).toEqual([]);
});
