import type { ServerMetadata } from 'openid-client';
import type { OAuth2Settings } from './oauth2-settings.js';
import { isSecureUrl } from '../../identity/urls.js';

/** Endpoints that get a client secret, a code or a token. */
const WITH_CREDENTIALS = [
  'token_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'userinfo_endpoint',
  'pushed_authorization_request_endpoint',
] as const;
/** Endpoints that are only read, or that browsers visit. */
const OTHERS = ['jwks_uri', 'authorization_endpoint', 'end_session_endpoint'] as const;
/** Maximum number of hosts in a message, because the document is not trusted. */
const MOST_HOSTS = 8;

type Settings = Pick<OAuth2Settings, 'issuer' | 'endpointHosts' | 'allowInsecure' | 'sendsCredentials'> &
  Partial<Pick<OAuth2Settings, 'pushedAuthorizationRequests'>>;

/** The refusal of a discovery document. */
export interface EndpointRefusal {
  /** Hosts that are not configured. */
  readonly hosts: readonly string[];
  /** Message for the operator: the fault and the option to set. */
  readonly sentence: string;
}

/** The metadata to use, or the reason why none of it is used. */
type JudgedMetadata =
  | { readonly metadata: ServerMetadata; readonly refusal?: undefined }
  | { readonly refusal: EndpointRefusal };

/**
 * Checks where a discovery document sends credentials: only to the issuer's own origin or to hosts in `endpointHosts`,
 * and never by plain http unless the issuer itself is reached that way. A provider that only verifies JWTs sends none:
 * its endpoints on other hosts are left out instead.
 */
export function judgeEndpoints(metadata: ServerMetadata, settings: Settings): JudgedMetadata {
  const insecure = [...WITH_CREDENTIALS, ...OTHERS].filter((name) => isInsecure(metadata[name], settings));
  const elsewhere = WITH_CREDENTIALS.filter((name) => isForeign(metadata[name], settings));
  const foreign = settings.sendsCredentials ? elsewhere.filter((name) => isUsed(name, metadata, settings)) : [];
  if (insecure.length === 0 && foreign.length === 0) return { metadata: without(metadata, elsewhere) };
  const hosts = hostsOf(metadata, [...foreign, ...insecure]);
  return { refusal: { hosts, sentence: sentenceOf(metadata, foreign, insecure) } };
}

function sentenceOf(metadata: ServerMetadata, foreign: readonly Name[], insecure: readonly Name[]): string {
  const sentences: string[] = [];
  if (insecure.length > 0) sentences.push(`the discovery document names plain http for ${insecure.join(', ')}`);
  const hosts = hostsOf(metadata, foreign);
  if (hosts.length > 0) {
    const line = `endpointHosts: [${hosts.map((host) => `'${host}'`).join(', ')}]`;
    sentences.push(
      `the discovery document sends credentials to hosts other than the issuer's (${foreign.join(', ')}); ` +
        `if they belong to the identity system, add ${line}`,
    );
  }
  return sentences.join('; ');
}

/** An endpoint that no request goes to may be anywhere; it is left out. */
function isUsed(name: Name, metadata: ServerMetadata, { pushedAuthorizationRequests }: Settings): boolean {
  return name !== 'pushed_authorization_request_endpoint' || pushesRequests(metadata, pushedAuthorizationRequests);
}

/** Whether the parameters of an authorization request are pushed (RFC 9126). */
export function pushesRequests(metadata: ServerMetadata, option: boolean | undefined): boolean {
  return option ?? metadata.require_pushed_authorization_requests === true;
}

function hostsOf(metadata: ServerMetadata, names: readonly Name[]): readonly string[] {
  return [...new Set(names.map((name) => new URL(metadata[name] as string).host))].slice(0, MOST_HOSTS);
}

type Name = (typeof WITH_CREDENTIALS)[number] | (typeof OTHERS)[number];

/** The URL of an endpoint; undefined unless it is absolute, because other addresses are never called. */
function parsed(address: unknown): URL | undefined {
  return typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
}

function isForeign(address: unknown, { issuer, endpointHosts }: Settings): boolean {
  const url = parsed(address);
  return url !== undefined && url.origin !== new URL(issuer).origin && !endpointHosts.includes(url.host);
}

/** Plain http to this machine is accepted only from an http issuer: an https issuer runs on another machine. */
function isInsecure(address: unknown, { issuer, allowInsecure }: Settings): boolean {
  const url = parsed(address);
  if (!url || url.protocol === 'https:' || allowInsecure) return false;
  return !(new URL(issuer).protocol === 'http:' && isSecureUrl(address, false));
}

function without(metadata: ServerMetadata, names: readonly Name[]): ServerMetadata {
  const kept = Object.entries(metadata).filter(([key]) => !(names as readonly string[]).includes(key));
  return { ...Object.fromEntries(kept), issuer: metadata.issuer };
}
