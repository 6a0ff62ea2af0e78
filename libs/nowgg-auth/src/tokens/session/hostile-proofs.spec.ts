import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { NowggAuthError } from '../../errors.js';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { type ProofOf, ProvingKey } from '../../testing-support/proving-key.js';
import { errorOf, TokenServiceUnderTest } from '../testing-support/token-service-under-test.js';
import type { NowggSessionProof } from './presented-proof.js';

const PUBLIC_URL = 'https://api.game.example';
const ROUTES = { login: '/auth/login', refresh: '/auth/refresh', logout: '/auth/logout' } as const;
const P256_ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
const MINUTE_MS = 60_000;

type Route = keyof typeof ROUTES;

/** A player whose requests a thief has seen, and what the thief has of them. */
interface Victim {
  readonly key: ProvingKey;
  readonly session: string;
  /** A code of the player that was not sent yet. */
  readonly freshCode: string;
  readonly used: Record<Route, string>;
}

/** What a thief sends: to which route, for which code or handle, with which proof. */
interface Attack {
  readonly route: Route;
  readonly credential: string;
  readonly proof: string | undefined;
  /** The method and the path that the application sees. */
  readonly seen?: Partial<NowggSessionProof>;
}

class World {
  readonly under = new TokenServiceUnderTest({
    sessions: { binding: 'offered', publicUrl: [PUBLIC_URL, 'https://other.example'] },
    refusedCodesPerMinute: 1_000_000,
  });
  readonly thief = new ProvingKey();
  #codes = 0;

  get now(): number {
    return this.under.clock.now();
  }

  newCode(): string {
    this.#codes += 1;
    return `code-${this.#codes}`;
  }

  proof(key: ProvingKey, route: Route, credential: string, changes: Partial<ProofOf> = {}): string {
    return key.proof({ credential, address: PUBLIC_URL + ROUTES[route], atMs: this.now, ...changes });
  }

  async send({ route, credential, proof, seen }: Attack): Promise<unknown> {
    const { service } = this.under;
    const shown = { proof, method: 'POST', path: ROUTES[route], ...seen };
    if (route === 'login') return service.exchangeCode(credential, { proof: shown });
    return route === 'refresh'
      ? service.openSession(credential, { proof: shown })
      : service.revokeSession(credential, { proof: shown });
  }

  /** An honest player: signs in, refreshes, and has another session of the same key that was signed out. */
  async victim(): Promise<Victim> {
    const key = new ProvingKey();
    const signIn = async () => {
      const code = this.newCode();
      const proof = this.proof(key, 'login', code);
      const { session } = await this.under.service.exchangeCode(code, {
        proof: { proof, method: 'POST', path: ROUTES.login },
      });
      return { session, proof };
    };
    const [kept, over] = [await signIn(), await signIn()];
    const refresh = this.proof(key, 'refresh', kept.session);
    await this.send({ route: 'refresh', credential: kept.session, proof: refresh });
    const logout = this.proof(key, 'logout', over.session);
    await this.send({ route: 'logout', credential: over.session, proof: logout });
    return { key, session: kept.session, freshCode: this.newCode(), used: { login: kept.proof, refresh, logout } };
  }

  /**
   * The player goes on as if nothing had happened, with a clock that is wrong by so much.
   * @returns the answers to a refresh, a sign-in and a sign-out
   */
  async goesOn({ key, session, freshCode }: Victim, skewMs: number): Promise<unknown[]> {
    let nonce: string | undefined;
    const send = async (route: Route, credential: string): Promise<unknown> => {
      for (let tries = 0; ; tries += 1) {
        const proof = this.proof(key, route, credential, { atMs: this.now + skewMs, nonce });
        const answer = await this.send({ route, credential, proof }).catch((error: unknown) => error);
        const isAsked = answer instanceof NowggAuthError && answer.errorCode === 'use_dpop_nonce' && tries === 0;
        if (!isAsked) return answer;
        ({ nonce } = answer.getResponse() as { nonce: string });
      }
    };
    return [await send('refresh', session), await send('login', freshCode), await send('logout', session)];
  }
}

const LIVES = { grant: { bound: true, state: 'active' } };
/** What a player gets whose session lives, and whose code was not used. */
const GOES_ON = [LIVES, LIVES, undefined];

/** The parts of a proof, one of them changed. */
function changed(proof: string, part: 0 | 1 | 2, change: (text: string) => string): string {
  return proof
    .split('.')
    .map((text, index) => (index === part ? change(text) : text))
    .join('.');
}
const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

/** The other signature of ECDSA for the same text: (r, n - s). */
function mirrored(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url');
  const s = P256_ORDER - BigInt(`0x${bytes.toString('hex', 32)}`);
  return Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]).toString(
    'base64url',
  );
}

const onSession = (route: 'refresh' | 'logout', { session }: Victim, proof: string | undefined): Attack => ({
  route,
  credential: session,
  proof,
});

/** A proof of the victim's key for another call, as a script or another server may have got it. */
const moved = (changes: Partial<ProofOf>) => (world: World, victim: Victim) =>
  onSession('refresh', victim, world.proof(victim.key, 'refresh', victim.session, changes));
/** A proof by the thief for the victim's session, with a header that claims more. */
const forged = (header: (victim: Victim, thief: ProvingKey) => object) => (world: World, victim: Victim) =>
  onSession(
    'refresh',
    victim,
    world.proof(world.thief, 'refresh', victim.session, { header: { ...header(victim, world.thief) } }),
  );

const ATTACKS: Readonly<Record<string, (world: World, victim: Victim) => Attack>> = {
  'a stolen handle alone': (_world, victim) => onSession('refresh', victim, undefined),
  'a stolen handle alone, to sign out': (_world, victim) => onSession('logout', victim, undefined),
  'an empty proof': (_world, victim) => onSession('refresh', victim, ''),
  'bytes for a proof': (_world, victim) => onSession('refresh', victim, randomBytes(90).toString('base64url')),
  'a proof without end': (_world, victim) => onSession('logout', victim, 'x'.repeat(100_000)),
  'two proofs': (_world, victim) => onSession('refresh', victim, `${victim.used.refresh}, ${victim.used.refresh}`),

  'a used proof again': (_world, victim) => onSession('refresh', victim, victim.used.refresh),
  'a used proof with the other signature': (_world, victim) =>
    onSession('refresh', victim, changed(victim.used.refresh, 2, mirrored)),
  'a used proof with padding': (_world, victim) => onSession('refresh', victim, `${victim.used.refresh}==`),
  'a used proof with white space': (_world, victim) => onSession('refresh', victim, ` ${victim.used.refresh}`),
  'a used proof with other unused bits': (_world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(victim.used.refresh, 2, (text) => text.slice(0, -1) + (text.endsWith('A') ? 'B' : 'A')),
    ),
  'a used proof at another route': (_world, victim) => onSession('logout', victim, victim.used.refresh),
  'a used sign-out at another route': (_world, victim) => onSession('refresh', victim, victim.used.logout),
  'a used sign-in for the handle': (_world, victim) => onSession('refresh', victim, victim.used.login),
  'a used proof for a fresh code': (_world, { freshCode, used }) => ({
    route: 'login',
    credential: freshCode,
    proof: used.login,
  }),
  'a used refresh for a fresh code': (_world, { freshCode, used }) => ({
    route: 'login',
    credential: freshCode,
    proof: used.refresh,
  }),

  'a proof for another handle': moved({ credential: 'A'.repeat(71) }),
  'a proof for another code': (world, { freshCode, key }) => ({
    route: 'login',
    credential: freshCode,
    proof: world.proof(key, 'login', 'another code'),
  }),
  'a proof for another host': moved({ address: 'https://evil.example/auth/refresh' }),
  'a proof for a host that begins alike': moved({ address: 'https://api.game.example.evil.example/auth/refresh' }),
  'a proof for a host that is a user': moved({ address: 'https://api.game.example@evil.example/auth/refresh' }),
  'a proof for another port': moved({ address: 'https://api.game.example:8443/auth/refresh' }),
  'a proof without TLS': moved({ address: 'http://api.game.example/auth/refresh' }),
  'a proof for another path': moved({ address: `${PUBLIC_URL}/auth/logout` }),
  'a proof for a path in capitals': moved({ address: `${PUBLIC_URL}/auth/REFRESH` }),
  'a proof for a longer path': moved({ address: `${PUBLIC_URL}/auth/refresh/` }),
  'a proof for an encoded path': moved({ address: `${PUBLIC_URL}/auth/%72efresh` }),
  'a proof for no address': moved({ claims: { htu: undefined } }),
  'a proof for a list of addresses': moved({ claims: { htu: [`${PUBLIC_URL}/auth/refresh`] } }),
  'a proof for another method': moved({ method: 'GET' }),
  'a proof for a method in lower case': moved({ method: 'post' }),
  'a request whose path is spelled otherwise': (world, victim) => ({
    ...onSession('refresh', victim, world.proof(victim.key, 'refresh', victim.session)),
    seen: { path: '/x/../auth/refresh' },
  }),
  'a request of another method': (world, victim) => ({
    ...onSession('refresh', victim, world.proof(victim.key, 'refresh', victim.session)),
    seen: { method: 'PUT' },
  }),

  'a proof from long ago': moved({ atMs: Date.UTC(2001) }),
  'a proof from the end of time': moved({ claims: { iat: Number.MAX_SAFE_INTEGER } }),
  'a proof with a time that is a text': moved({ claims: { iat: '9999999999' } }),
  'a proof without a time': moved({ claims: { iat: null } }),
  'a proof with a nonce of the thief': moved({ nonce: randomBytes(32).toString('base64url') }),
  'a proof with a list of nonces': moved({ claims: { nonce: [] } }),
  'a proof without an id': moved({ claims: { jti: undefined } }),
  'a proof whose id is a number': moved({ claims: { jti: 7 } }),
  'a proof with an id without end': moved({ id: 'x'.repeat(256) }),
  'a proof that has expired': moved({ claims: { exp: 1 } }),
  'a proof that is not good yet': moved({ claims: { nbf: 9e9 } }),

  'the key of the thief': forged(() => ({})),
  'the key of the victim, signed by the thief': forged(({ key }) => ({ jwk: key.jwk })),
  'both keys': forged(({ key }, thief) => ({ jwk: { ...thief.jwk, x: key.jwk.x } })),
  'a list of keys': forged(({ key }) => ({ jwk: [key.jwk] })),
  'the private key': (world, victim) =>
    onSession(
      'refresh',
      victim,
      world.proof(victim.key, 'refresh', victim.session, { header: { jwk: victim.key.privateJwk } }),
    ),
  'the algorithm none': (world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(world.proof(victim.key, 'refresh', victim.session), 0, (text) =>
        encoded({ ...decoded(text), alg: 'none' }),
      ),
    ),
  'no signature': (world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(world.proof(world.thief, 'refresh', victim.session), 2, () => ''),
    ),
  'a signature of zeros': (world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(world.proof(victim.key, 'refresh', victim.session, { header: { jwk: victim.key.jwk } }), 2, () =>
        Buffer.alloc(64).toString('base64url'),
      ),
    ),
  'the signature of a used proof': (world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(world.proof(world.thief, 'refresh', victim.session, { header: { jwk: victim.key.jwk } }), 2, () =>
        String(victim.used.refresh.split('.')[2]),
      ),
    ),
  'the public key as a secret': (world, victim) => {
    const [, claims] = world.proof(world.thief, 'refresh', victim.session).split('.');
    const input = `${encoded({ alg: 'HS256', typ: 'dpop+jwt', jwk: victim.key.jwk })}.${claims}`;
    const mac = createHmac('sha256', JSON.stringify(victim.key.jwk)).update(input).digest('base64url');
    return onSession('refresh', victim, `${input}.${mac}`);
  },
  'another algorithm': forged(({ key }) => ({ alg: 'ES384', jwk: key.jwk })),
  'another type': (world, victim) =>
    onSession('refresh', victim, world.proof(victim.key, 'refresh', victim.session, { header: { typ: 'JWT' } })),
  'a critical extension': (world, victim) =>
    onSession('refresh', victim, world.proof(victim.key, 'refresh', victim.session, { header: { crit: ['b64'] } })),
  'another payload under a used signature': (world, victim) =>
    onSession(
      'refresh',
      victim,
      changed(victim.used.refresh, 1, (text) => encoded({ ...decoded(text), jti: String(world.now) })),
    ),
};

const REFUSALS = new Set(['invalid_dpop_proof', 'use_dpop_nonce']);
const SKEWS = [0, -5 * MINUTE_MS, 5 * MINUTE_MS];

describe('stolen handles, and replayed, moved and re-signed proofs', () => {
  it.each(Object.entries(ATTACKS))('%s: is refused, and the player goes on', async (_name, attack) => {
    const world = new World();
    const victim = await world.victim();
    const { codes } = world.under.provider;
    const sent = codes.length;
    const error = await errorOf(world.send(attack(world, victim)));
    expect(error).toBeInstanceOf(NowggAuthError);
    expect(REFUSALS).toContain((error as NowggAuthError).errorCode);
    expect(codes).toHaveLength(sent);
    for (const secret of [victim.session, victim.freshCode, victim.key.thumbprint]) {
      expect(JSON.stringify((error as NowggAuthError).getResponse())).not.toContain(secret);
    }
    expect(await world.goesOn(victim, 0)).toMatchObject(GOES_ON);
  });

  const attempts = propertyRuns(10_000);
  it(`${attempts} times at random are never used, and no player loses a session, whatever their clock`, async () => {
    const world = new World();
    const all = Object.values(ATTACKS);
    const outcomes: Record<string, number> = {};
    for (let done = 0; done < attempts; ) {
      const victim = await world.victim();
      for (let tries = 0; tries < 40 && done < attempts; tries += 1, done += 1) {
        const attack = all[Math.floor(Math.random() * all.length)] as (typeof all)[number];
        const error = await errorOf(world.send(attack(world, victim)));
        const code = error instanceof NowggAuthError ? error.errorCode : 'used, or another error';
        outcomes[code] = (outcomes[code] ?? 0) + 1;
        if (tries % 10 === 0) world.under.clock.advance(Math.random() * 2 * MINUTE_MS);
      }
      expect(await world.goesOn(victim, SKEWS[done % SKEWS.length] as number)).toMatchObject(GOES_ON);
    }
    expect(Object.keys(outcomes).filter((code) => !REFUSALS.has(code))).toEqual([]);
    expect(Object.values(outcomes).reduce((total, count) => total + count, 0)).toBe(attempts);
  });
});
