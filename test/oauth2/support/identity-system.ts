import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import {
  grantOfEverything,
  loadOidcProvider,
  type OidcProvider,
} from '../../../apps/sample/src/embedded/oidc-provider.js';
import { LoopbackServer } from './loopback-server.js';

export const CLIENT_ID = 'web-game';
export const CLIENT_SECRET = 'a-secret-of-the-web-game-1234567890';
export const REDIRECT_URI = 'https://game.example/auth/callback';
export const PHONE = '+46123456789';

/** The parts of the provider that only tests use. */
export interface Provider extends OidcProvider {
  readonly issuer: string;
  readonly AccessToken: { find(token: string): Promise<FoundToken | undefined> };
  on(event: string, listener: (...details: unknown[]) => void): void;
}

/** An access token as the provider keeps it. */
export interface FoundToken {
  readonly accountId?: string;
  readonly clientId?: string;
  readonly isExpired: boolean;
  readonly remainingTTL: number;
  readonly scope?: string;
  destroy(): Promise<void>;
}

export interface SystemShape {
  /** Whether the issuer identifier ends in a slash. */
  readonly trailingSlash?: boolean;
  /** Path of the issuer identifier, such as `/tenant`. Default none. */
  readonly path?: string;
  readonly configuration: (base: string) => Record<string, unknown>;
  /** Client metadata beside id, secret and redirect URI. */
  readonly client: Record<string, unknown>;
  /** May answer a request itself, or change it before the provider sees it. */
  readonly shim?: (request: IncomingMessage, response: ServerResponse, provider: Provider) => Promise<boolean>;
}

let signingKey: Promise<JWK> | undefined;

async function newKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'system-key', alg: 'RS256', use: 'sig' };
}

/** A request that reached the system. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  /** The form as it came, where the shape's shim has read it; empty otherwise. */
  readonly body: string;
}

/** A certified OpenID provider in this process, on loopback, in the shape of one of the systems. */
export class IdentitySystem extends LoopbackServer {
  readonly seen: SeenRequest[] = [];
  /** Changes JSON replies of the provider, for faults that it would never commit itself. */
  tamper:
    | ((path: string, body: Record<string, unknown>, response: ServerResponse) => Record<string, unknown>)
    | undefined;
  mood: 'up' | 'broken' | 'gone' = 'up';
  #provider: Provider | undefined;
  #waiting: (() => void)[] = [];

  static async start(shape: SystemShape): Promise<IdentitySystem> {
    const system = new IdentitySystem();
    await system.listen();
    signingKey ??= newKey();
    const issuer = `${system.url}${shape.path ?? ''}${shape.trailingSlash ? '/' : ''}`;
    const configuration = {
      jwks: { keys: [await signingKey] },
      cookies: { keys: ['a-cookie-key-of-the-tests'] },
      clients: [
        {
          client_id: CLIENT_ID,
          client_secret: CLIENT_SECRET,
          redirect_uris: [REDIRECT_URI],
          post_logout_redirect_uris: ['https://game.example/bye'],
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
          ...shape.client,
        },
        {
          client_id: 'another-game',
          client_secret: CLIENT_SECRET,
          redirect_uris: [REDIRECT_URI],
          grant_types: ['authorization_code', 'refresh_token'],
          ...shape.client,
        },
      ],
      interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/sign-in/${uid}` },
      issueRefreshToken: async () => true,
      pkce: { required: () => true },
      renderError: (context: { body: unknown }, out: unknown) => {
        context.body = out;
      },
      loadExistingGrant: grantOfEverything,
      findAccount: async (_context: unknown, accountId: string) => ({
        accountId,
        claims: async () => ({
          sub: accountId,
          email: `${accountId}@example`,
          phone_number: PHONE,
          phone_number_verified: true,
        }),
      }),
      ...shape.configuration(system.url),
    };
    const { Provider: OidcProvider } = await loadOidcProvider();
    system.#provider = new OidcProvider(issuer, configuration) as Provider;
    system.server.on('request', (request, response) => {
      void system.#serve(request, response, shape);
    });
    return system;
  }

  get provider(): Provider {
    return this.#provider as Provider;
  }

  /** Waits until this path has been asked for. */
  async asked(path: string): Promise<void> {
    while (this.seenAt(path).length === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  seenAt(path: string): SeenRequest[] {
    return this.seen.filter((request) => request.path === path);
  }

  async #serve(request: IncomingMessage, response: ServerResponse, shape: SystemShape): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const { method = '', headers } = request;
    const seen = { method, path: pathname, query: searchParams, authorization: headers.authorization, body: '' };
    this.seen.push(seen);
    request.once('form', (body: string) => {
      seen.body = body;
    });
    for (const wake of this.#waiting.splice(0)) wake();
    if (this.mood === 'gone') {
      request.socket.destroy();
      return;
    }
    if (this.mood === 'broken') {
      response.writeHead(500, { 'content-type': 'application/json' }).end('{"access_token":"x"}');
      return;
    }
    if (this.tamper) this.#tamperWith(response, pathname, this.tamper);
    if (await shape.shim?.(request, response, this.provider)) return;
    if (pathname.startsWith('/sign-in/')) {
      // The cookie names the player, without typing.
      const accountId = /player=([^;]+)/.exec(headers.cookie ?? '')?.[1] ?? 'player-1';
      const refuses = /refuses=1/.test(headers.cookie ?? '');
      const result = refuses ? { error: 'access_denied' } : { login: { accountId } };
      await this.provider.interactionFinished(request, response, result);
      return;
    }
    // As a framework does that mounts the provider at a path.
    const { path = '' } = shape;
    const target = request.url ?? '/';
    if (target.startsWith(`${path}/`)) Object.assign(request, { originalUrl: target, url: target.slice(path.length) });
    void this.provider.callback()(request, response);
  }

  #tamperWith(response: ServerResponse, path: string, change: NonNullable<IdentitySystem['tamper']>): void {
    const end = response.end.bind(response);
    response.end = ((chunk?: string | Buffer, ...rest: []) => {
      const isJson = String(response.getHeader('content-type')).startsWith('application/json');
      if (!isJson || chunk === undefined) return end(chunk, ...rest);
      const body = JSON.stringify(change(path, JSON.parse(chunk.toString()) as Record<string, unknown>, response));
      response.setHeader('content-length', Buffer.byteLength(body));
      return end(body);
    }) as typeof response.end;
  }
}
