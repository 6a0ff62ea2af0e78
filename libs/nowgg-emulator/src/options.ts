import type { EmulatedPlayer } from './accounts/players.js';

/** A registered app: the credentials that its studio would have got from the now.gg console. */
export interface EmulatedClient {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Format of the strings `token_expiry` and `refresh_token_expiry`; the vendor does not document it. */
export type ExpiryFormat = 'iso' | 'seconds' | 'milliseconds' | 'rfc';

/**
 * Effect of a refresh on the refresh token.
 * `never`: it stays, and the reply has none (now.gg's documented behaviour).
 * `grace`: the reply has a new one; the old one works for {@link NowggEmulatorOptions.rotationGraceSeconds} more.
 * `once`: the reply has a new one; using the old one again is refused.
 * `strict`: the same, and it ends the whole session.
 */
export type RefreshTokenRotation = 'never' | 'grace' | 'once' | 'strict';

export function isRotation(value: string): value is RefreshTokenRotation {
  return ['never', 'grace', 'once', 'strict'].includes(value);
}

/** Options of `startNowggEmulator()`; every one has a default. */
export interface NowggEmulatorOptions {
  /** TCP port; 0 (default) takes a free one. */
  port?: number;
  /** Address to listen on, default 127.0.0.1. Anything but loopback is refused without {@link allowRemote}. */
  host?: string;
  /** Permits a `host` that other machines can reach. The control interface still answers loopback only. */
  allowRemote?: boolean;
  /** Registered apps; default one, `demo-client` with the secret `demo-secret`. */
  clients?: readonly EmulatedClient[];
  /** Players that exist from the start; missing fields are made up. Default: three players. */
  players?: readonly Partial<EmulatedPlayer>[];
  /**
   * Origins, in addition to those of this machine, whose pages may get codes from the sign-in page, such as
   * `https://game.example.com`. Default none.
   */
  allowedOrigins?: readonly string[];
  /** The `iss` of all tokens, default `https://now.gg`. */
  issuer?: string;
  /** Lifetime of tokens and id_tokens in seconds, default 3600. */
  tokenLifetimeSeconds?: number;
  /** Lifetime of refresh tokens in seconds, default 30 days. */
  refreshTokenLifetimeSeconds?: number;
  /** Lifetime of authorization codes in seconds, default 300. */
  codeLifetimeSeconds?: number;
  /** HTTP status of refusals (a token, code or client that is not accepted), default 200. Invalid requests get 400. */
  refusalStatus?: 200 | 400 | 401;
  /**
   * Whether requests are refused that the API reference neither shows nor forbids: with unknown fields, a query, a Basic
   * header, or the scheme `bearer` in another case. Default `true`, because such a request is usually a mistake.
   */
  strict?: boolean;
  /**
   * Which of the two forms of the API reference sessioninfo has, default `sample`: `lastSessionTimestamp` and `packageName`
   * are in `sessionData`. In the form `table`, they are beside `success`.
   */
  sessionInfoForm?: 'sample' | 'table';
  /** Format of the expiry strings, default `iso`. */
  expiryFormat?: ExpiryFormat;
  /** Refresh token rotation, default `never`. */
  rotateRefreshTokens?: RefreshTokenRotation;
  /** Time that a replaced refresh token still works with `rotateRefreshTokens: 'grace'`, in seconds, default 60. */
  rotationGraceSeconds?: number;
  /** Number of calls that the request log keeps, default 20,000. */
  requestLogSize?: number;
}

/** All options with their values; frozen. */
export type ResolvedOptions = Readonly<Required<NowggEmulatorOptions>>;

const defaults: Omit<ResolvedOptions, 'players'> = {
  port: 0,
  host: '127.0.0.1',
  allowRemote: false,
  clients: [{ clientId: 'demo-client', clientSecret: 'demo-secret' }],
  allowedOrigins: [],
  issuer: 'https://now.gg',
  tokenLifetimeSeconds: 3600,
  refreshTokenLifetimeSeconds: 30 * 24 * 3600,
  codeLifetimeSeconds: 300,
  refusalStatus: 200,
  strict: true,
  sessionInfoForm: 'sample',
  expiryFormat: 'iso',
  rotateRefreshTokens: 'never',
  rotationGraceSeconds: 60,
  requestLogSize: 20_000,
};

/** Fills in the defaults. @throws TypeError that names every unusable option, and no value. */
export function resolveOptions(
  options: NowggEmulatorOptions,
  seedPlayers: readonly Partial<EmulatedPlayer>[],
): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = Object.freeze({ ...defaults, players: seedPlayers, ...given });
  const faults = [...findFaults(resolved)];
  for (const name of Object.keys(given)) if (!(name in defaults) && name !== 'players') faults.push(`unknown: ${name}`);
  if (faults.length > 0) throw new TypeError(`nowgg-emulator options: ${faults.join('; ')}`);
  return resolved;
}

function* findFaults(options: ResolvedOptions): Generator<string> {
  if (!Number.isInteger(options.port) || options.port < 0 || options.port > 65_535) yield 'port must be 0 to 65535';
  if (!options.allowRemote && !isLoopbackHost(options.host)) yield 'host is not loopback and allowRemote is not set';
  if (options.clients.length === 0) yield 'clients must not be empty';
  if (options.clients.some(({ clientId, clientSecret }) => !clientId || !clientSecret))
    yield 'clients must have an id and a secret each';
  if (new Set(options.clients.map((client) => client.clientId)).size < options.clients.length)
    yield 'clients must have different ids';
  if (!options.allowedOrigins.every(isWebOrigin)) yield 'allowedOrigins must be http or https origins without a path';
  if (options.issuer === '') yield 'issuer must not be empty';
  for (const name of ['tokenLifetimeSeconds', 'refreshTokenLifetimeSeconds', 'codeLifetimeSeconds'] as const)
    if (!(Number.isFinite(options[name]) && options[name] > 0)) yield `${name} must be a positive number`;
  if (!(options.rotationGraceSeconds >= 0)) yield 'rotationGraceSeconds must not be negative';
  if (!(Number.isInteger(options.requestLogSize) && options.requestLogSize > 0))
    yield 'requestLogSize must be a positive integer';
  if (![200, 400, 401].includes(options.refusalStatus)) yield 'refusalStatus must be 200, 400 or 401';
  if (typeof options.strict !== 'boolean') yield 'strict must be true or false';
  if (!['sample', 'table'].includes(options.sessionInfoForm)) yield 'sessionInfoForm is unknown';
  if (!['iso', 'seconds', 'milliseconds', 'rfc'].includes(options.expiryFormat)) yield 'expiryFormat is unknown';
  if (!isRotation(options.rotateRefreshTokens)) yield 'rotateRefreshTokens is unknown';
}

/** Whether the text is an origin as browsers write it. */
export function isWebOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Whether only this machine can reach the address, judged by its text: names other than localhost are not resolved. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);
}
