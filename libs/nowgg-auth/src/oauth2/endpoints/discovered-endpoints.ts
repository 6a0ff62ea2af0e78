import type { ServerMetadata } from 'openid-client';
import type { OAuth2Settings } from './oauth2-settings.js';
import { isSecureUrl } from './secure-url.js';

/** Endpoints that get a client secret, a code or a token. */
const WITH_CREDENTIALS = [
  'token_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'userinfo_endpoint',
] as const;
/** Endpoints that are only read, or that browsers are sent to. */
const OTHERS = ['jwks_uri', 'authorization_endpoint', 'end_session_endpoint'] as const;
/** So many hosts are named at most: the document comes from outside. */
const MOST_HOSTS = 8;

type Settings = Pick<OAuth2Settings, 'issuer' | 'endpointHosts' | 'allowInsecure' | 'sendsCredentials'>;

/** A discovery document that is not followed. */
export interface EndpointRefusal {
  /** Hosts that are not configured. */
  readonly hosts: readonly string[];
  /** What is wrong and what to write, for the operator. */
  readonly sentence: string;
}

/** The metadata to go by, or why none of it is followed. */
export type JudgedMetadata =
  | { readonly metadata: ServerMetadata; readonly refusal?: undefined }
  | { readonly refusal: EndpointRefusal };

/**
 * Judges where a discovery document sends credentials: to the issuer's own origin or to hosts named in `endpointHosts`,
 * and never by plain http unless the issuer is reached so itself. A provider that only verifies JWTs sends none: its
 * foreign endpoints are left out instead.
 */
export function judgeEndpoints(metadata: ServerMetadata, settings: Settings): JudgedMetadata {
  const insecure = [...WITH_CREDENTIALS, ...OTHERS].filter((name) => isInsecure(metadata[name], settings));
  const elsewhere = WITH_CREDENTIALS.filter((name) => isForeign(metadata[name], settings));
  const foreign = settings.sendsCredentials ? elsewhere : [];
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
      `the discovery document sends credentials to other hosts than the issuer's (${foreign.join(', ')}); ` +
        `if they belong to the identity system, add ${line}`,
    );
  }
  return sentences.join('; ');
}

function hostsOf(metadata: ServerMetadata, names: readonly Name[]): readonly string[] {
  return [...new Set(names.map((name) => new URL(metadata[name] as string).host))].slice(0, MOST_HOSTS);
}

type Name = (typeof WITH_CREDENTIALS)[number] | (typeof OTHERS)[number];

/** What is not an absolute URL is called by nothing. */
function parsed(address: unknown): URL | undefined {
  return typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined;
}

function isForeign(address: unknown, { issuer, endpointHosts }: Settings): boolean {
  const url = parsed(address);
  return url !== undefined && url.origin !== new URL(issuer).origin && !endpointHosts.includes(url.host);
}

/** Plain http to this machine is for an issuer on this machine: behind https it would be another machine's doing. */
function isInsecure(address: unknown, { issuer, allowInsecure }: Settings): boolean {
  const url = parsed(address);
  if (!url || url.protocol === 'https:' || allowInsecure) return false;
  return !(new URL(issuer).protocol === 'http:' && isSecureUrl(address, false));
}

function without(metadata: ServerMetadata, names: readonly Name[]): ServerMetadata {
  const kept = Object.entries(metadata).filter(([key]) => !(names as readonly string[]).includes(key));
  return { ...Object.fromEntries(kept), issuer: metadata.issuer };
}
