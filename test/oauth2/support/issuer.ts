import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type CryptoKey, type JWK, SignJWT } from 'jose';
import { LoopbackServer } from './loopback-server.js';

interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

const pairs = new Map<number, ReturnType<typeof generateKeyPair>>();

/** Making one takes long on a busy machine, so the tests of a file share them. */
async function keyPair(index: number): ReturnType<typeof generateKeyPair> {
  const pair = pairs.get(index) ?? generateKeyPair('RS256', { extractable: true });
  pairs.set(index, pair);
  return pair;
}

/** How the server behaves: answers, answers 500, or cuts the connection. */
export type IssuerMood = 'up' | 'broken' | 'gone';

/** An issuer of JWTs whose keys and moods a test decides, with discovery and keys on loopback. */
export class Issuer extends LoopbackServer {
  mood: IssuerMood = 'up';
  /** What the token endpoint answers to every call. */
  tokenReply: Record<string, unknown> = {};
  /** Awaited before the keys are sent, as they were published when they were asked for. */
  beforeKeys: (() => Promise<void>) | undefined;
  /** More members of the discovery document, or other values. */
  discovery: Record<string, unknown> = {};
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  keys: SigningKey[] = [];
  #published: readonly JWK[] = [];
  readonly #firstPair: number;
  #made = 0;

  private constructor(firstPair: number) {
    super();
    this.#firstPair = firstPair;
  }

  /** @param firstPair issuers of one test that must not have keys in common start far from each other */
  static async start(firstPair = 0): Promise<Issuer> {
    const issuer = new Issuer(firstPair);
    issuer.server.on('request', (request, response) => {
      void issuer.#answer(request, response);
    });
    await issuer.listen();
    await issuer.rotate();
    return issuer;
  }

  get currentKey(): SigningKey {
    return this.keys.at(-1) as SigningKey;
  }

  /** How often the keys were asked for. */
  get keyFetches(): number {
    return this.asked.filter((path) => path === '/jwks').length;
  }

  /** A new key signs from now on; `keep` says how many of the older ones stay published. */
  async rotate({ keep = 1 }: { keep?: number } = {}): Promise<void> {
    this.#made += 1;
    const kid = `key-${this.#made}`;
    const { privateKey, publicKey } = await keyPair(this.#firstPair + this.#made);
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
    this.keys = [...this.keys, { kid, privateKey, publicJwk }];
    this.publish(this.keys.slice(-1 - keep).map((key) => key.publicJwk));
  }

  publish(keys: readonly JWK[]): void {
    this.#published = keys;
  }

  async sign(
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
    key: SigningKey = this.currentKey,
  ): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: key.kid, ...header })
      .sign(key.privateKey);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked.push(request.url ?? '');
    if (this.mood === 'gone') {
      request.socket.destroy();
      return;
    }
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': {
        issuer: this.url,
        authorization_endpoint: `${this.url}/authorize`,
        token_endpoint: `${this.url}/token`,
        jwks_uri: `${this.url}/jwks`,
        ...this.discovery,
      },
      '/jwks': { keys: this.#published },
      '/token': this.tokenReply,
    };
    const document = documents[request.url ?? ''];
    if (request.url === '/jwks') await this.beforeKeys?.();
    const status = this.mood === 'broken' ? 500 : document ? 200 : 404;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  }
}
