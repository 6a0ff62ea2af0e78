import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { webReturnPath } from '../auth/providers.js';
import type { WebSignInConfig } from '../config/sample-config.js';
import { displayNameFrom } from '../players/display-name.js';
import { createOidcProvider, type OidcProvider } from './oidc-provider.js';
import { webSignInHeaders, webSignInPage } from './web-sign-in-page.js';

/** A local OpenID provider in this process, which accepts any name. */
export interface EmbeddedWebSignIn {
  readonly client: WebSignInConfig;
  /** Lifetime of access tokens from now on, in seconds. */
  tokenLifeSeconds: number;
  close(): Promise<void>;
}

const usualPort = 4081;
const longestForm = 4_096;

/**
 * Listens at once and loads the provider with the first request: a start without sign-ins does not wait for it.
 * @param publicUrl the app's origin, to which browsers return
 * @param port undefined: the usual one, or any when that is taken
 */
export async function startEmbeddedWebSignIn(publicUrl: string, port: number | undefined): Promise<EmbeddedWebSignIn> {
  const server = createServer();
  await listen(server, port ?? usualPort).catch(async (error: unknown) => {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    await listen(server, 0);
  });
  const client: WebSignInConfig = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    // Another one at each start: this provider has forgotten the sessions of the one before.
    clientId: `sample-game-web-${randomBytes(6).toString('hex')}`,
    clientSecret: randomBytes(24).toString('base64url'),
    audience: 'urn:nowgg-sample:api',
    algorithm: 'ES256',
    // A player who signed out wants another name next; a session at the provider would sign them in again.
    prompt: 'login',
  };
  const service = new WebSignIn(client, publicUrl);
  server.on('request', (request, response) => void service.serve(request, response));
  return Object.assign(service, {
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

class WebSignIn {
  readonly client: WebSignInConfig;
  tokenLifeSeconds = 3_600;
  readonly #publicUrl: string;
  readonly #names = new Map<string, string>();
  #loading: Promise<OidcProvider> | undefined;

  constructor(client: WebSignInConfig, publicUrl: string) {
    this.client = client;
    this.#publicUrl = publicUrl;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      // Another host name that leads here belongs to a page that wants to look like this one to a browser.
      if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(request.headers.host ?? '')) return answer(response, 421);
      const provider = await this.#provider();
      if (request.url?.startsWith('/sign-in/')) await this.#signIn(provider, request, response);
      else await provider.callback()(request, response);
    } catch (error) {
      // The provider's own errors say what was wrong with the request; every other error is ours.
      const { status = 500 } = error as { status?: number };
      answer(response, status);
    }
  }

  async #signIn(provider: OidcProvider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Throws unless this browser has started this sign-in.
    await provider.interactionDetails(request, response);
    if (request.method !== 'POST') {
      response.writeHead(200, webSignInHeaders(this.#publicUrl)).end(webSignInPage);
      return;
    }
    const form = new URLSearchParams(await readText(request));
    const name = displayNameFrom(form.get('name') ?? undefined);
    const isCancelled = form.get('action') === 'cancel';
    if (!isCancelled && name === null) return answer(response, 400);
    const result = isCancelled ? { error: 'access_denied' } : { login: { accountId: this.#accountOf(name ?? '') } };
    await provider.interactionFinished(request, response, result);
  }

  /** The account of a name: the same name is the same player at any time. */
  #accountOf(name: string): string {
    const digest = createHash('sha256').update(name.normalize('NFKC').toLowerCase()).digest('hex');
    const accountId = `web-${digest.slice(0, 16)}`;
    this.#names.set(accountId, name);
    return accountId;
  }

  async #provider(): Promise<OidcProvider> {
    this.#loading ??= createOidcProvider(this.client, `${this.#publicUrl}${webReturnPath}`, {
      tokenLifeSeconds: () => this.tokenLifeSeconds,
      nameOf: (accountId) => this.#names.get(accountId),
    });
    return this.#loading;
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > longestForm) throw Object.assign(new Error('the form is too long'), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end('This sign-in cannot go on: go back to the game and begin again.\n');
}
