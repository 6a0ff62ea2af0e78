import { hash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { arrayOf, type Given, matching, type Rule } from '../../rules.js';

/** The entry that stands for connections over a unix socket, which have no address. */
const UNIX = 'unix';
const MAPPED = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** The proxy whose headers are believed. */
export interface TrustedProxyOptions {
  /**
   * Addresses of the proxy as this process sees its connections: IP addresses, ranges such as `10.1.0.0/16`, or `unix`
   * for a unix socket. At least one. A range of several hosts and `unix` need {@link secret}.
   */
  peers: readonly string[];
  /**
   * Text that the proxy sends in {@link secretHeader}: 32 to 256 visible ASCII characters. Several while it is replaced.
   * Default: none, the address of the peer decides alone.
   */
  secret?: string | readonly string[];
  /** Name of the header with the secret, in lower case. Default `x-nowgg-proxy-secret`. */
  secretHeader?: string;
}

export const DEFAULT_SECRET_HEADER = 'x-nowgg-proxy-secret';

interface Range {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
  readonly isWide: boolean;
}

/** Decides whether a connection, and the secret that came with it, are those of the proxy. */
export class TrustedProxy {
  readonly secretHeader: string;
  readonly #ranges = new BlockList();
  readonly #takesUnix: boolean;
  /** Digests, so that a comparison takes the same time whatever was sent. */
  readonly #secrets: readonly Buffer[];

  constructor({ peers, secret = [], secretHeader = DEFAULT_SECRET_HEADER }: TrustedProxyOptions) {
    this.secretHeader = secretHeader;
    this.#takesUnix = peers.includes(UNIX);
    this.#secrets = (typeof secret === 'string' ? [secret] : secret).map(digest);
    for (const peer of peers) {
      const range = rangeOf(peer);
      if (range) this.#ranges.addSubnet(range.address, range.prefix, range.family);
    }
  }

  /** @param remoteAddress of the connection itself; undefined for a unix socket, and for a connection that has ended */
  isPeer(remoteAddress: string | undefined): boolean {
    if (remoteAddress === undefined) return this.#takesUnix;
    const [address = ''] = (MAPPED.exec(remoteAddress)?.[1] ?? remoteAddress).split('%', 1);
    const version = isIP(address);
    return version !== 0 && this.#ranges.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }

  /** @param sent every value of the header */
  hasSecret(sent: readonly string[]): boolean {
    if (this.#secrets.length === 0) return true;
    const [value = '', ...others] = sent;
    const given = digest(value);
    const matches = this.#secrets.filter((secret) => timingSafeEqual(secret, given));
    return others.length === 0 && matches.length > 0;
  }
}

/** Rules of {@link TrustedProxyOptions}. */
export const TRUSTED_PROXY_RULES: Readonly<Record<keyof TrustedProxyOptions, Rule>> = {
  peers: peersFaults,
  secret: secretFaults,
  secretHeader: [matching(/^[a-z0-9-]{1,64}$/), 'must be the name of a header in lower case'],
};

function peersFaults(peers: unknown, name: string, { secret }: Given): string[] {
  const sentence = 'must be an array of IP addresses, ranges such as 10.1.0.0/16, or unix';
  if (!arrayOf((peer) => peer === UNIX || rangeOf(peer) !== undefined, 1)(peers)) return [`${name} ${sentence}`];
  const isWide = peers.some((peer) => peer === UNIX || rangeOf(peer)?.isWide === true);
  return isWide && secret === undefined ? [`${name} with a range or unix needs a secret`] : [];
}

function secretFaults(secret: unknown, name: string): string[] {
  const isSecret = matching(/^[\x21-\x7e]{32,256}$/);
  const areSecrets = secret === undefined || isSecret(secret) || arrayOf(isSecret, 1)(secret);
  return areSecrets ? [] : [`${name} must be 32 to 256 visible ASCII characters, or an array of such texts`];
}

function rangeOf(peer: unknown): Range | undefined {
  if (typeof peer !== 'string') return undefined;
  const [address = '', length, ...rest] = peer.split('/');
  const version = isIP(address);
  // An IPv4 address has one spelling here, and a zone names no host.
  if (version === 0 || rest.length > 0 || MAPPED.test(address) || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  const family = version === 4 ? 'ipv4' : 'ipv6';
  return prefix <= bits ? { address, family, prefix, isWide: prefix < bits } : undefined;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
