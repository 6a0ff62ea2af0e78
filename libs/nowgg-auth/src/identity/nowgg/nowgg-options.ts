import { isSecureUrl } from '../urls.js';

/** One client at now.gg's User Account Service. */
export interface NowggProviderOptions {
  /** Name of this provider in the module: part of every principal and grant. Default `nowgg`. */
  name?: string;
  clientId: string;
  /** Without it only id_tokens can be verified, and no code can be exchanged. */
  clientSecret?: string;
  /** Base URL of now.gg. Default `https://now.gg`. */
  baseUrl?: string;
  /** Allows a plain http `baseUrl` that is not loopback. Default false. */
  allowInsecureBaseUrl?: boolean;
  /** The `iss` that tokens must carry, compared exactly. Default `https://now.gg`. */
  issuer?: string;
}

export const NOWGG_BASE_URL = 'https://now.gg';
export const NOWGG_ISSUER = 'https://now.gg';

/**
 * Every fault of these options, as sentences that name the option and never its value. Empty for valid options.
 * Used by `nowgg()` and by the module's own validation.
 */
export function nowggOptionFaults(options: Partial<NowggProviderOptions>): string[] {
  const faults: string[] = [];
  const isText = (value: unknown) => typeof value === 'string' && value.trim() !== '' && value.length <= 2048;
  if (!isText(options.clientId)) faults.push('clientId must be a non-empty string');
  if (options.clientSecret !== undefined && !isText(options.clientSecret)) {
    faults.push('clientSecret must be a non-empty string, or absent');
  }
  if (options.name !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(options.name)) {
    faults.push('name must be 1 to 64 characters of A-Z a-z 0-9 _ -');
  }
  if (options.issuer !== undefined && !isText(options.issuer)) faults.push('issuer must be a non-empty string');
  if (options.baseUrl !== undefined) faults.push(...baseUrlFaults(options.baseUrl, options.allowInsecureBaseUrl));
  return faults;
}

function baseUrlFaults(baseUrl: unknown, allowInsecure: boolean | undefined): string[] {
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return ['baseUrl must be an https URL'];
  if (url.username || url.password || url.search || url.hash) {
    return ['baseUrl must have no credentials, query or fragment'];
  }
  if (!isSecureUrl(baseUrl, allowInsecure === true)) {
    return ['baseUrl must be https: plain http needs a loopback host or allowInsecureBaseUrl'];
  }
  return [];
}
