import { hkdfSync } from 'node:crypto';
import { nowgg } from '../identity/nowgg/nowgg.js';
import type { NowggProviderOptions } from '../identity/nowgg/nowgg-options.js';
import type {
  NowggAuthOptions,
  ResolvedNowggAuthOptions,
  ResolvedSessionsOptions,
  ResolvedTokensOptions,
  ResolvedVerificationOptions,
  SessionsOptions,
  TokensOptions,
} from './options.js';
import { DEFAULTS } from './defaults.js';
import { refuse, withoutAbsent } from '../rules.js';
import { ABSENT, bindingFaults, isPresent, optionFaults } from './option-faults.js';

/**
 * Validates the options and adds the defaults.
 *
 * @param wiringFaults faults of the module's wiring, to be reported together with the rest
 * @param needsKeys whether there is a token store, which must be encrypted
 * @param routesPublicUrl the public URL of the ready-made routes
 * @throws NowggConfigurationError with every fault at once
 */
export function resolveOptions(
  given: unknown,
  wiringFaults: readonly string[] = [],
  needsKeys = false,
  routesPublicUrl?: string | readonly string[],
): ResolvedNowggAuthOptions {
  const options = given as NowggAuthOptions;
  const faults = [...wiringFaults, ...optionFaults(given), ...bindingFaults(given, routesPublicUrl)];
  if (needsKeys && !isPresent(options?.tokens)) faults.push('tokens.encryptionKeys is needed with a token store');
  refuse(faults, 'NowggAuthModule: ');
  const { clientId, clientSecret, baseUrl, allowInsecureBaseUrl, issuer } = options;
  const client = { clientId, clientSecret, baseUrl, allowInsecureBaseUrl, issuer } as NowggProviderOptions;
  return Object.freeze<ResolvedNowggAuthOptions>({
    identityProviders: Object.freeze([
      ...(isPresent(clientId) ? [nowgg(present(client))] : []),
      ...(options.identityProviders ?? []),
    ]),
    realm: options.realm ?? DEFAULTS.realm,
    credentials: Object.freeze(present(options.credentials ?? {})),
    verification: resolveVerification(options),
    revocation: Object.freeze({ ...DEFAULTS.revocation, ...present(options.revocation ?? {}) }),
    tokens: options.tokens ? resolveTokens(options.tokens, routesPublicUrl) : undefined,
    shutdown: Object.freeze({ ...DEFAULTS.shutdown, ...present(options.shutdown ?? {}) }),
    logging:
      options.logging === false ? false : Object.freeze({ ...DEFAULTS.logging, ...present(options.logging ?? {}) }),
    sealingKey: sealingKeyOf(options),
  });
}

/** A derived key, so that a value encrypted with it is never mistaken for one encrypted with the key itself. */
function sealingKeyOf({ tokens }: NowggAuthOptions): string | undefined {
  const secret = tokens?.encryptionKeys[0]?.key;
  if (secret === undefined) return undefined;
  return Buffer.from(hkdfSync('sha256', secret, '', 'nestjs-nowgg-auth shared cache', 32)).toString('base64');
}

function resolveVerification({ verification = {} }: NowggAuthOptions): ResolvedVerificationOptions {
  const { circuit, rate, ...rest } = verification;
  const merged = { ...DEFAULTS.verification, ...present(rest) };
  return Object.freeze({
    ...merged,
    circuit: circuit === false ? false : Object.freeze({ ...DEFAULTS.verification.circuit, ...present(circuit ?? {}) }),
    rate: rate ? Object.freeze({ burst: rate.perSecond, ...present(rate) }) : undefined,
    acceptTokenTypes: Object.freeze([...merged.acceptTokenTypes]),
  });
}

function resolveTokens(
  tokens: TokensOptions,
  routesPublicUrl: string | readonly string[] | undefined,
): ResolvedTokensOptions {
  const { encryptionKeys, sessions, keepAlive, ...durations } = tokens;
  const keys = encryptionKeys.map(({ id, key }) => Object.freeze({ id, key }));
  return Object.freeze({
    ...DEFAULTS.tokens,
    ...present(durations),
    encryptionKeys: Object.freeze(keys),
    sessions: resolveSessions(sessions ?? {}, routesPublicUrl),
    keepAlive: Object.freeze({
      ...DEFAULTS.tokens.keepAlive,
      ...present(keepAlive ?? {}),
      idleMs: Object.freeze({ ...keepAlive?.idleMs }),
      isScheduled: keepAlive !== undefined && keepAlive !== null,
    }),
  });
}

function resolveSessions(
  { publicUrl, ...sessions }: SessionsOptions,
  routesPublicUrl: string | readonly string[] | undefined,
): ResolvedSessionsOptions {
  const publicUrls = [publicUrl ?? routesPublicUrl ?? []].flat();
  return Object.freeze({
    ...DEFAULTS.tokens.sessions,
    ...(publicUrls.length > 0 && { binding: 'offered' as const }),
    ...present(sessions),
    publicUrls: Object.freeze(publicUrls),
  });
}

/** Removes options whose value is undefined or null: they count as absent. */
function present<T extends object>(settings: T): T {
  return withoutAbsent(settings, ABSENT);
}
