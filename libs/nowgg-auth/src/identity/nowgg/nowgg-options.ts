import { A_PROVIDER_NAME, arrayOf, type Given, isText, type Rules, TRUE_OR_FALSE } from '../../rules.js';
import { isSecureUrl } from '../urls.js';

/** One client at now.gg's User Account Service. */
export interface NowggProviderOptions {
  /** Name of this provider in the module: part of every principal and grant. Default `nowgg`. */
  name?: string;
  clientId: string;
  /**
   * Without it only id_tokens can be verified, and no code can be exchanged. Several while a secret is replaced, the new
   * one first: the answers of now.gg tell which one is in use.
   */
  clientSecret?: string | readonly [string, ...string[]];
  /** Base URL of now.gg. Default `https://now.gg`. */
  baseUrl?: string;
  /** Allows a plain http `baseUrl` that is not loopback. Default false. */
  allowInsecureBaseUrl?: boolean;
  /** The `iss` that tokens must carry, compared exactly. Default `https://now.gg`. */
  issuer?: string;
}

export const NOWGG_BASE_URL = 'https://now.gg';
export const NOWGG_ISSUER = 'https://now.gg';

export const NOWGG_RULES: Rules<keyof NowggProviderOptions> = {
  clientId: [isText, 'must be a non-empty string', 'required'],
  clientSecret: [isSecrets, 'must be a non-empty string, or one to four different ones in an array'],
  name: A_PROVIDER_NAME,
  baseUrl: baseUrlFaults,
  allowInsecureBaseUrl: TRUE_OR_FALSE,
  issuer: [isText, 'must be a non-empty string'],
};

/** More than a new and an old one have no use, and each costs a request while it is not known which one is in use. */
const MOST_SECRETS = 4;

function isSecrets(value: unknown): boolean {
  if (isText(value)) return true;
  return arrayOf(isText, 1)(value) && new Set(value).size === value.length && value.length <= MOST_SECRETS;
}

function baseUrlFaults(baseUrl: unknown = NOWGG_BASE_URL, name: string, { allowInsecureBaseUrl }: Given): string[] {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return [`${name} must be an https URL`];
  if (url.username || url.password || url.search || url.hash) {
    return [`${name} must have no credentials, query or fragment`];
  }
  if (isSecureUrl(baseUrl, allowInsecureBaseUrl === true)) return [];
  return [`${name} must be https: plain http needs a loopback host or allowInsecureBaseUrl`];
}
