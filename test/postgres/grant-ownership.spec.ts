import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { IdentityUnavailableError } from '../../libs/nowgg-auth/src/errors.js';
import type { IdentityHttp } from '../../libs/nowgg-auth/src/identity/identity-http.js';
import type { IdentityProvider } from '../../libs/nowgg-auth/src/identity/identity-provider.js';
import { DEFAULTS } from '../../libs/nowgg-auth/src/options/defaults.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { nowgg } from '../../libs/nowgg-auth/src/identity/nowgg/nowgg.js';
import { introspection, jwt, oauth2, userinfo } from '../../libs/nowgg-auth/src/oauth2/index.js';
import { principalOf } from '../../libs/nowgg-auth/src/principal.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { NowggTokenService } from '../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { sessionHandle } from '../../libs/nowgg-auth/src/tokens/session/session-handle.js';
import { handleOfFirstForm } from '../../libs/nowgg-auth/src/tokens/testing-support/first-version.js';
import type { NowggAuthenticator } from '../../libs/nowgg-auth/src/verification/nowgg-authenticator.js';
import { Vault } from '../../libs/nowgg-auth/src/tokens/vault/vault.js';
import { useSecurityEvents } from '../support/security-events.js';
import { RING, SHORT_DURATIONS } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

let suite: TokenSuite;
const events = useSecurityEvents();

beforeAll(async () => {
  suite = await TokenSuite.start();
}, 60_000);
afterAll(() => suite.stop(), 30_000);

describe.each([
  ['another client of the same provider', { clientId: 'title-b' }],
  ['a provider of another name', { provider: 'other' }],
])('on one database and one key, %s', (_which, owner) => {
  let other: NowggTokenService;
  let userId: string;
  let grantId: string;
  let session: string;

  beforeAll(() => {
    other = suite.serviceOf(owner);
  });
  beforeEach(async () => {
    userId = `player-${randomUUID()}`;
    const exchanged = await suite.service.exchangeCode(suite.code(userId));
    ({ session } = exchanged);
    grantId = exchanged.grant.id;
  });
  const isActive = async () => expect((await suite.grant(grantId)).state).toBe('active');

  it('neither takes its session handle nor names its player: 503, because the configuration may be wrong', async () => {
    await expect(other.sessionGrant(session)).rejects.toThrow('made for another client');
    await expect(other.openSession(session)).rejects.toMatchObject({
      status: 503,
      errorCode: 'identity_unavailable',
      retryAfterSeconds: 60,
    });
    expect(events.take()).toEqual(['grant_of_another_client', 'grant_of_another_client']);
  });

  it('does not take a handle of the first form either, whose key is the same', async () => {
    const handle = handleOfFirstForm(RING[0], grantId, 1);
    await expect(other.sessionGrant(handle)).rejects.toThrow('made for another client');
    expect(events.take()).toEqual(['grant_of_another_client']);
    const opened = await suite.service.openSession(handle);
    expect([opened.grant.id, opened.session]).toEqual([grantId, (await suite.service.openSession(session)).session]);
  });

  it('gets no token of it by its id', async () => {
    await expect(other.getAccessToken(grantId)).rejects.toThrow(IdentityUnavailableError);
    await expect(other.refresh(grantId)).rejects.toThrow(IdentityUnavailableError);
    await expect(other.withAccessToken(grantId, async (token) => token)).rejects.toThrow(IdentityUnavailableError);
    events.take();
    await isActive();
  });

  it('neither lists, ends nor forgets it', async () => {
    expect(await other.listGrants(userId)).toEqual([]);
    await other.revoke(grantId);
    expect(await other.revokeUser(userId)).toBe(0);
    const identityProviders = new IdentityProviders([suite.provider(owner)]);
    const vault = new NowggVaultService({ store: suite.store, identityProviders, encryptionKeys: [RING[0]] });
    expect([await vault.forget(userId, { dryRun: true }), await vault.forget(userId)]).toEqual([0, 0]);
    await isActive();
  });

  it('gets a grant of its own for a code that has the same text', async () => {
    const code = suite.code(userId);
    const { grant } = await suite.service.exchangeCode(code);
    suite.nowgg.issueCode({ userId, code, ...owner });
    const theirs = await other.exchangeCode(code);
    expect(theirs.grant.id).not.toBe(grant.id);
  });
});

describe('a claimed code whose row a database writer has pointed at another grant', () => {
  it("gives neither the other grant's session nor its token", async () => {
    const victim = await suite.service.exchangeCode(suite.code('victim'));
    const code = suite.code('attacker');
    const { grant } = await suite.service.exchangeCode(code);
    await suite.dataSource.query('UPDATE nowgg_exchange SET grant_id = $2 WHERE grant_id = $1', [
      grant.id,
      victim.grant.id,
    ]);
    await expect(suite.service.exchangeCode(code)).rejects.toMatchObject({ errorCode: 'invalid_grant' });
    expect(events.take()).toEqual(['relabelled_row']);
  });

  it('still gives the same grant for the same code where nothing was changed', async () => {
    const code = suite.code('player');
    const first = await suite.service.exchangeCode(code);
    expect((await suite.service.exchangeCode(code)).session).toBe(first.session);
  });
});

describe('two processes that are configured differently', () => {
  const METHODS = {
    jwt: jwt({ audience: 'api' }),
    introspection: introspection(),
    userinfo: userinfo(),
  };
  const application = fc.record({
    system: fc.constantFrom('now.gg', 'oauth2'),
    name: fc.constantFrom('nowgg', 'other'),
    address: fc.constantFrom('https://id.one.example', 'https://id.two.example'),
    slash: fc.boolean(),
    clientId: fc.constantFrom('title-a', 'title-b'),
    clientSecret: fc.constantFrom('secret-of-yesterday', 'secret-of-today'),
    method: fc.constantFrom('jwt', 'introspection', 'userinfo'),
  });
  type Application = typeof application extends fc.Arbitrary<infer T> ? T : never;

  const providerOf = (of: Application): IdentityProvider => {
    const { name, clientId, clientSecret } = of;
    const address = of.slash ? `${of.address}/` : of.address;
    const definition =
      of.system === 'now.gg'
        ? nowgg({ name, clientId, clientSecret, baseUrl: address })
        : oauth2({ name, clientId, clientSecret, issuer: address, verification: METHODS[of.method] });
    return definition.create({ http: {} as IdentityHttp, clock: new SystemClock(), clockSkewMs: 5_000 });
  };
  const serviceOf = (provider: IdentityProvider) =>
    new NowggTokenService({
      store: suite.store,
      identityProviders: new IdentityProviders([provider]),
      authenticator: {} as NowggAuthenticator,
      clock: new SystemClock(),
      options: { ...DEFAULTS.tokens, ...SHORT_DURATIONS, encryptionKeys: [RING[0]] },
    });
  const vault = new Vault(new KeyRing([RING[0]]));

  /** A sign-in at this application, without a call to the identity system. */
  const signInAt = async (provider: IdentityProvider) => {
    const [userId, codeHash] = [`player-${randomUUID()}`, randomUUID()];
    const { name, clientKey } = provider;
    const facts = { provider: name, clientKey, issuer: 'https://issuer.example', scopes: [], claims: {} };
    const principal = principalOf({ ...facts, tokenType: 'token', userId });
    const expiresAtMs = Date.now() + 3_600_000;
    const tokens = { accessToken: 'access', accessTokenExpiresAtMs: expiresAtMs, refreshToken: 'refresh' };
    const grant = vault.firstGrant(provider, principal, tokens, codeHash);
    await suite.store.claimExchange({ codeHash, owner: randomUUID(), leaseMs: 1_000 });
    await suite.store.completeExchange(codeHash, grant);
    return {
      userId,
      id: grant.id,
      session: sessionHandle(vault.ring, { ...grant, sessionVersion: 1, handleVersion: 1 }),
    };
  };
  const sees = async (service: NowggTokenService, { userId, id, session }: Awaited<ReturnType<typeof signInAt>>) =>
    Promise.all([
      service.getAccessToken(id).then(
        ({ token }) => token === 'access',
        () => false,
      ),
      service.openSession(session).then(
        (opened) => opened.grant.id === id,
        () => false,
      ),
      service.listGrants(userId).then((grants) => grants.some((grant) => grant.id === id)),
    ]);

  it('share every grant if name, address and client id are the same, whatever the secret and method, and else none', async () => {
    const differsIn = fc.subarray([
      'system',
      'name',
      'address',
      'slash',
      'clientId',
      'clientSecret',
      'method',
    ] as const);
    await fc.assert(
      fc.asyncProperty(application, application, differsIn, async (one, another, differing) => {
        const two: Application = { ...one, ...Object.fromEntries(differing.map((what) => [what, another[what]])) };
        const same = (['system', 'name', 'address', 'clientId'] as const).every((what) => one[what] === two[what]);
        const signedIn = await signInAt(providerOf(one));
        expect(await sees(serviceOf(providerOf(two)), signedIn)).toEqual([same, same, same]);
      }),
      { numRuns: 80 },
    );
  });
});
