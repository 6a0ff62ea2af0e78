import type { Issuer } from './issuer.js';

type Claims = Record<string, unknown>;

/** A small seeded generator (mulberry32): the same seed gives the same thousand tokens. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Values of unexpected types and shapes. */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e21,
  '',
  'x',
  '0',
  '9999999999',
  [],
  [[]],
  {},
  ['x', 5],
  { a: 1 },
  'null',
];

export interface Mutation {
  readonly token: string;
  readonly description: string;
}

/** Signed and unsigned, well-formed and broken tokens, each a step away from a good one. */
export class Mutations {
  readonly #random: () => number;
  #made = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Every kind of change, in turn; about a fifth of them does no harm. */
  async accessToken(issuer: Issuer, about: { audience: string; client: string }): Promise<Mutation> {
    const now = Math.floor(Date.now() / 1000);
    const good: Claims = {
      iss: issuer.url,
      sub: `player-${this.#made}`,
      aud: this.#pick([about.audience, [about.audience], ['https://other.example', about.audience]]),
      client_id: about.client,
      scope: 'read',
      jti: `t-${this.#made}`,
      iat: now - 10,
      exp: now + 600,
    };
    return this.#mutate(issuer, good, 'at+jwt', now);
  }

  /** As {@link accessToken}, from a good id_token. */
  async idToken(issuer: Issuer, about: { client: string; nonce: string }): Promise<Mutation> {
    const now = Math.floor(Date.now() / 1000);
    const good: Claims = {
      iss: issuer.url,
      sub: `player-${this.#made}`,
      aud: this.#pick([about.client, [about.client]]),
      nonce: about.nonce,
      iat: now - 10,
      exp: now + 600,
      auth_time: now - 10,
    };
    return this.#mutate(issuer, good, 'JWT', now);
  }

  async #mutate(issuer: Issuer, good: Claims, typ: string, now: number): Promise<Mutation> {
    this.#made += 1;
    const kinds = [
      () => this.#harmless(issuer, good, typ),
      () => this.#claim(issuer, good, typ),
      () => this.#times(issuer, good, typ, now),
      () => this.#header(issuer, good, typ),
      () => this.#text(issuer, good, typ),
    ];
    return (kinds[this.#made % kinds.length] as () => Promise<Mutation>)();
  }

  async #harmless(issuer: Issuer, good: Claims, typ: string): Promise<Mutation> {
    const extra = { [this.#pick(['x', 'scope', 'nbf_', 'acr', '__proto__x'])]: this.#pick(ODD_VALUES) };
    const cased = this.#pick([typ, typ.toUpperCase(), `application/${typ}`]);
    return {
      token: await issuer.sign({ ...good, ...extra }, { typ: cased }),
      description: `extra ${JSON.stringify(extra)}`,
    };
  }

  async #claim(issuer: Issuer, good: Claims, typ: string): Promise<Mutation> {
    const name = this.#pick([...Object.keys(good).filter((key) => key !== 'scope'), 'cnf', 'nbf', 'azp']);
    const changes = [undefined, ...ODD_VALUES, String(good[name]).slice(1), `${String(good[name])}/`, [good[name]]];
    const claims = { ...good, [name]: this.#pick(changes) };
    // Lengths and characters of a subject are rules of this module, beyond what the validators know.
    if (name === 'sub' && claims.sub === '') claims.sub = 'x';
    return { token: await issuer.sign(claims, { typ }), description: `${name}=${JSON.stringify(claims[name])}` };
  }

  async #times(issuer: Issuer, good: Claims, typ: string, now: number): Promise<Mutation> {
    const name = this.#pick(['exp', 'nbf', 'iat']);
    const value = now + this.#pick([-1e9, -3600, -60, 60, 3600, 1e9]);
    return { token: await issuer.sign({ ...good, [name]: value }, { typ }), description: `${name} at ${value - now}` };
  }

  async #header(issuer: Issuer, good: Claims, typ: string): Promise<Mutation> {
    const [, payload, signature] = (await issuer.sign(good, { typ })).split('.');
    const header: Claims = { alg: 'RS256', typ, kid: issuer.currentKey.kid };
    const name = this.#pick(['alg', 'typ', 'kid', 'crit', 'jwk', 'b64', 'cty']);
    const own: Record<string, readonly unknown[]> = {
      alg: ['none', 'HS256', 'PS256', 'RS384', 'ES256', 'rs256'],
      typ: ['JWT', 'at+jwt', 'id_token'],
      kid: ['../../x', '__proto__', `${issuer.currentKey.kid} `],
      crit: [['exp'], ['b64']],
    };
    header[name] = this.#pick([undefined, ...ODD_VALUES, ...(own[name] ?? [])]);
    const description = `header ${name}=${JSON.stringify(header[name])}`;
    if (this.#random() < 0.5 && header.alg === 'RS256' && header.crit === undefined && header.b64 === undefined) {
      return { token: await issuer.sign(good, header), description: `signed ${description}` };
    }
    return { token: `${part(header)}.${payload}.${signature}`, description };
  }

  async #text(issuer: Issuer, good: Claims, typ: string): Promise<Mutation> {
    const token = await issuer.sign(good, { typ });
    const [header = '', payload = '', signature = ''] = token.split('.');
    const at = Math.floor(this.#random() * token.length);
    const changes: readonly (readonly [string, string])[] = [
      [`character ${at} changed`, token.slice(0, at) + this.#otherThan(token.charAt(at)) + token.slice(at + 1)],
      [`cut at ${at}`, token.slice(0, at)],
      [`character ${at} doubled`, token.slice(0, at) + token.charAt(at) + token.slice(at)],
      ['no signature', `${header}.${payload}.`],
      ['four parts', `${token}.${signature}`],
      ['five parts', `${token}.${signature}.${signature}`],
      ['payload is a list', `${header}.${part([good])}.${signature}`],
      ['payload is no JSON', `${header}.${part('{"sub":')}.${signature}`],
      ['payload is empty', `${header}..${signature}`],
      ['other payload', `${header}.${part({ ...good, sub: 'admin' })}.${signature}`],
      ['header is no JSON', `${part('{')}.${payload}.${signature}`],
      ['header and payload exchanged', `${payload}.${header}.${signature}`],
      ['untouched', token],
    ];
    const [description, text] = this.#pick(changes);
    return { token: text, description };
  }

  #otherThan(character: string): string {
    const other = this.#pick(Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'));
    return other === character ? '-' : other;
  }

  #pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}
