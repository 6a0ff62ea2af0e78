import * as openid from 'openid-client';
import { InvalidRequestError } from '../../errors.js';
import { arrayOf, matching } from '../../rules.js';
import type { OAuth2Settings } from '../endpoints/oauth2-settings.js';
import type { AuthorizationStartRequest } from './start-origin.js';

export interface AuthorizationUrlOptions {
  /** Scopes instead of the provider's; at most 512 characters together. */
  readonly scopes?: readonly string[];
  /** `prompt` of OpenID Connect Core section 3.1.2.1, such as `login`, `none` or `consent select_account`. */
  readonly prompt?: string;
  /** `login_hint` of OpenID Connect Core section 3.1.2.1: the name of the account, at most 256 characters. */
  readonly loginHint?: string;
  /**
   * The `state`, used for this sign-in only. Letters, digits and `-._~`; at least 22 of them, or 32 hexadecimal or 39
   * decimal digits, so that there is room for 128 random bits; at most 128. Default: a random one.
   */
  readonly state?: string;
  /**
   * The `nonce` of the id_token, in the form of {@link state}. With it, a reply without an id_token that names it is
   * refused. Default: a random one where the scopes contain `openid`, otherwise none.
   */
  readonly nonce?: string;
  /** Address to continue at, returned by the callback: at most 256 characters, and allowed by the module's list. */
  readonly returnTo?: string;
  /**
   * S256 challenge (RFC 7636 section 4.2) of a verifier that the page has made and kept. With it, the sign-in ends in a
   * redirect to {@link returnTo}, which must then be given and have no fragment, with a handoff for this page.
   */
  readonly challenge?: string;
  /**
   * The request that starts the sign-in. With it, one browser has at most five pending sign-ins. Without it, no cookie
   * is cleared, and the sign-in counts as started by this site.
   */
  readonly request?: AuthorizationStartRequest;
}

/** The values of one authorization request, given or random. */
export interface AuthorizationValues {
  readonly state: string;
  readonly nonce: string | undefined;
  readonly codeVerifier: string;
  /** Undefined for the provider's own. */
  readonly scopes: readonly string[] | undefined;
  /** The parameters of the address, except the client's. */
  readonly parameters: Readonly<Record<string, string>>;
}

const LONGEST_SCOPES = 512;
const UNIQUE = /^[\w.~-]{22,128}$/;
/** Digits of a smaller alphabet, in groups or not. */
const HEXADECIMAL = /^[\da-f-]+$/i;
const DECIMAL = /^[\d-]+$/;
/** A repeated text such as `aaaa…` has fewer. A random one of 128 bits has fewer once in 10^12 times. */
const FEWEST_DIFFERENT = 6;
const areScopes = arrayOf(matching(/^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+$/));
const isPromptText = matching(/^[a-z][a-z_]{0,31}(?: [a-z][a-z_]{0,31}){0,3}$/);
const hasControls = matching(/\p{Cc}/u);

/** Whether a text may be the `state` of a sign-in. */
export function isState(text: unknown): text is string {
  return isUnique(text);
}

/** Whether a value may be {@link AuthorizationUrlOptions.prompt}. */
export function isPrompt(value: unknown): value is string {
  return isPromptText(value) && (value === 'none' || !String(value).split(' ').includes('none'));
}

/**
 * Checks the options and adds random values for those that are absent.
 * @throws InvalidRequestError with the name of the option, never its value
 */
export async function authorizationValues(
  settings: OAuth2Settings,
  options: AuthorizationUrlOptions,
): Promise<AuthorizationValues> {
  check(options, settings.scopeSeparator);
  const { prompt, loginHint } = options;
  const scopes = options.scopes ?? settings.scopes;
  const state = options.state ?? openid.randomState();
  const nonce = options.nonce ?? (scopes.includes('openid') ? openid.randomNonce() : undefined);
  const codeVerifier = openid.randomPKCECodeVerifier();
  const parameters = {
    ...settings.authorizationParameters,
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { login_hint: loginHint }),
    ...(scopes.length > 0 && { scope: scopes.join(settings.scopeSeparator) }),
    ...(nonce !== undefined && { nonce }),
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: 'S256',
  };
  return { state, nonce, codeVerifier, scopes: options.scopes, parameters };
}

function check({ scopes, prompt, loginHint, state, nonce }: AuthorizationUrlOptions, separator: string): void {
  const mayBe = (value: unknown, isGood: (value: unknown) => boolean, sentence: string) => {
    if (value !== undefined && !isGood(value)) throw new InvalidRequestError(sentence);
  };
  const areShort = (list: unknown) => areScopes(list) && (list as string[]).join(separator).length <= LONGEST_SCOPES;
  mayBe(scopes, areShort, 'scopes must be an array of scope names, at most 512 characters together');
  mayBe(prompt, isPrompt, 'prompt must be names in lower case, with none only alone');
  mayBe(loginHint, isHint, 'loginHint must be 1 to 256 characters without control characters');
  mayBe(state, isUnique, 'state must be 22 to 128 characters of A-Z a-z 0-9 - . _ ~ with 128 random bits');
  mayBe(nonce, isUnique, 'nonce must be 22 to 128 characters of A-Z a-z 0-9 - . _ ~ with 128 random bits');
}

function isHint(value: unknown): boolean {
  return (
    typeof value === 'string' && value !== '' && value.length <= 256 && value.isWellFormed() && !hasControls(value)
  );
}

/** Whether a text has room for 128 random bits. It cannot be seen whether they are random. */
function isUnique(text: unknown): text is string {
  if (typeof text !== 'string' || !UNIQUE.test(text) || new Set(text).size < FEWEST_DIFFERENT) return false;
  const digits = text.replaceAll('-', '').length;
  return DECIMAL.test(text) ? digits >= 39 : !HEXADECIMAL.test(text) || digits >= 32;
}
