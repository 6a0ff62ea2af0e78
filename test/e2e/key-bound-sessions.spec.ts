import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { ProvingKey } from '../../libs/nowgg-auth/src/testing-support/proving-key.js';
import { captureSecurityEvents } from '../../libs/nowgg-auth/src/testing-support/security-events.js';
import { EMULATED_CLIENT, GameWithRoutes, type SignedIn } from '../support/game/game-with-routes.js';
import { call } from '../support/raw-http/raw-client.js';

const PUBLIC_URL = 'https://api.game.example/v1';
const CHALLENGE = 'DPoP realm="nowgg", error="invalid_dpop_proof", error_description="the DPoP proof is not valid: ';

type Changes = Partial<Parameters<ProvingKey['proof']>[0]>;

describe.each(['express', 'fastify'])('a session that is bound to a key, on %s', (platform) => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;
  const key = new ProvingKey();

  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    game = await GameWithRoutes.start(
      emulator,
      { routes: { publicUrl: [PUBLIC_URL, 'https://other.example'] } },
      platform,
    );
  });
  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  const proofOf = (route: string, credential: string, changes: Changes = {}, by = key) =>
    by.proof({ credential, address: `${PUBLIC_URL}/auth/${route}`, atMs: Date.now(), ...changes });
  const post = async (route: string, body: object, ...proofs: readonly string[]) => {
    const reply = await call(Number(new URL(game.url).port), {
      path: `/auth/${route}`,
      method: 'POST',
      headers: [['Content-Type', 'application/json'], ...proofs.map((proof) => ['DPoP', proof] as const)],
      body: JSON.stringify(body),
    });
    return {
      status: reply.status,
      header: (name: string) => reply.header(name),
      body: reply.body === '' ? {} : reply.json(),
    };
  };
  const newCode = () => emulator.issueCode({ userId: emulator.addPlayer().userId });
  const signIn = async (by = key) => {
    const code = newCode();
    const { status, body } = await post('login', { code }, proofOf('login', code, {}, by));
    expect(status).toBe(200);
    return body as unknown as SignedIn & { bound?: true };
  };
  const refresh = async (session: string, changes: Changes = {}) =>
    post('refresh', { session }, proofOf('refresh', session, changes));

  it('is signed in, refreshed and signed out with a proof each, and its handle stays', async () => {
    const { session, bound } = await signIn();
    expect(bound).toBe(true);
    for (let use = 0; use < 3; use += 1) {
      const { status, body } = await refresh(session);
      expect([status, body['session'], typeof body['token']]).toEqual([200, undefined, 'string']);
    }
    expect((await refresh(session, { address: 'https://other.example/auth/refresh' })).status).toBe(200);
    const refused = await post('logout', { session });
    expect([refused.status, refused.body]).toEqual([
      401,
      { statusCode: 401, errorCode: 'invalid_dpop_proof', message: 'the DPoP proof is not valid: missing' },
    ]);
    expect((await refresh(session)).status).toBe(200);
    expect((await post('logout', { session }, proofOf('logout', session))).status).toBe(204);
    expect((await refresh(session)).body).toMatchObject({ errorCode: 'reauthentication_required' });
  });

  it('begins without a key where none is offered, and is refreshed as ever', async () => {
    const { body } = await post('login', { code: newCode() });
    expect(body).not.toHaveProperty('bound');
    const first = String(body['session']);
    const next = await post('refresh', { session: first }, 'garbage');
    expect([next.status, typeof next.body['session']]).toEqual([200, 'string']);
    expect((await post('logout', { session: first })).status).toBe(204);
  });

  it('refuses everything that is not a proof of this key for this call, once, and goes on', async () => {
    const { session, user } = await signIn();
    const other = await signIn();
    const stranger = new ProvingKey();
    using events = captureSecurityEvents();
    const used = proofOf('refresh', session);
    expect((await post('refresh', { session }, used)).status).toBe(200);
    const cases: ReadonlyArray<readonly [fault: string, ...proofs: readonly string[]]> = [
      ['missing'],
      ['replayed', used],
      ['form', ''],
      ['form', used, proofOf('refresh', session)],
      ['another_key', proofOf('refresh', session, {}, stranger)],
      ['address', proofOf('logout', session)],
      ['address', proofOf('refresh', session, { address: `${game.url}/auth/refresh` })],
      ['address', proofOf('refresh', session, { address: 'https://api.game.example/auth/refresh' })],
      ['method', proofOf('refresh', session, { method: 'GET' })],
      ['token', proofOf('refresh', other.session)],
      ['token', proofOf('refresh', session, { claims: { ath: undefined } })],
      ['signature', proofOf('refresh', session, { header: { jwk: stranger.jwk } })],
      ['key', proofOf('refresh', session, { header: { jwk: key.privateJwk } })],
      ['key', proofOf('refresh', session, { header: { alg: 'none' } })],
      ['key', proofOf('refresh', session, { header: { alg: 'HS256' } })],
      ['key', proofOf('refresh', session, { header: { typ: 'JWT' } })],
    ];
    for (const [fault, ...proofs] of cases) {
      const { status, body, header } = await post('refresh', { session }, ...proofs);
      const message = `the DPoP proof is not valid: ${fault}`;
      expect([status, body]).toEqual([401, { statusCode: 401, errorCode: 'invalid_dpop_proof', message }]);
      expect(header('www-authenticate')).toBe(`${CHALLENGE}${fault}", algs="ES256"`);
      expect(header('cache-control')).toBe('no-store');
    }
    expect(events.seen.map(({ type, detail }) => `${type} ${detail}`)).toEqual(
      cases.map(([fault]) => `session_proof_refused ${fault}`),
    );
    for (const secret of [session, key.thumbprint, used, user.userId]) {
      expect(JSON.stringify(events.seen)).not.toContain(secret);
    }
    expect((await refresh(session)).status).toBe(200);
  });

  it.each([-300_000, 300_000])('takes a clock that is wrong by %i ms, with the nonce of the answer', async (skewMs) => {
    const code = newCode();
    const atMs = () => Date.now() + skewMs;
    const told = await post('login', { code }, proofOf('login', code, { atMs: atMs() }));
    const nonce = String(told.body['nonce']);
    expect([told.status, told.body['errorCode'], told.header('dpop-nonce')]).toEqual([401, 'use_dpop_nonce', nonce]);
    expect(told.header('www-authenticate')).toContain('DPoP realm="nowgg", error="use_dpop_nonce"');
    const signedIn = await post('login', { code }, proofOf('login', code, { atMs: atMs(), nonce }));
    expect([signedIn.status, signedIn.body['bound']]).toEqual([200, true]);
    const session = String(signedIn.body['session']);
    expect((await refresh(session, { atMs: atMs() })).body).toMatchObject({ errorCode: 'use_dpop_nonce' });
    expect((await refresh(session, { atMs: atMs(), nonce })).status).toBe(200);
    expect((await refresh(session, { atMs: atMs(), nonce: `${nonce}x` })).body).toMatchObject({
      errorCode: 'use_dpop_nonce',
    });
  });

  it('uses no code up with a refused proof, and never begins a session without a key instead', async () => {
    const code = newCode();
    const calls = () => emulator.requestCount('token');
    const before = calls();
    for (const proof of ['x', proofOf('refresh', code), proofOf('login', 'another code'), '']) {
      expect((await post('login', { code }, proof)).body).toMatchObject({ errorCode: 'invalid_dpop_proof' });
    }
    expect(calls()).toBe(before);
    expect((await post('login', { code }, proofOf('login', code))).body).toMatchObject({ bound: true });
  });
});
