import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoopbackServer } from '../support/loopback-server.js';
import { REDIRECT_URI } from '../support/identity-system.js';

/** The identifier of the game's API. */
export const API = 'https://api.game.example';

interface Client {
  readonly client_id: string;
  readonly client_secret: string;
}

interface BetterAuth {
  readonly api: {
    getOpenIdConfig(request: { headers: Headers }): Promise<unknown>;
    adminCreateOAuthClient(request: { headers: Headers; body: object }): Promise<Client>;
  };
}

/** The functions of the packages that are used here. */
export interface Packages {
  betterAuth(options: object): BetterAuth;
  memoryAdapter(tables: Record<string, unknown[]>): unknown;
  jwt(options: object): unknown;
  oauthProvider(options: object): unknown;
  toNodeHandler(auth: BetterAuth): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}

const TABLES = [
  'user',
  'session',
  'account',
  'verification',
  'jwks',
  'oauthClient',
  'oauthAccessToken',
  'oauthRefreshToken',
  'oauthConsent',
  'oauthResource',
  'oauthClientResource',
  'oauthClientAssertion',
];

/** The OAuth provider of better-auth on loopback, with one client and one player who is signed in there. */
export class BetterAuthSystem extends LoopbackServer {
  #client: Client | undefined;
  #cookie = '';

  static async start(packages: Packages): Promise<BetterAuthSystem> {
    const system = new BetterAuthSystem();
    await system.listen();
    const auth = packages.betterAuth({
      baseURL: system.url,
      secret: 'a-secret-of-the-tests-that-is-long-enough-1',
      database: packages.memoryAdapter(Object.fromEntries(TABLES.map((name) => [name, []]))),
      emailAndPassword: { enabled: true },
      telemetry: { enabled: false },
      rateLimit: { enabled: false },
      plugins: [
        packages.jwt({ jwt: { issuer: system.url } }),
        packages.oauthProvider({
          loginPage: '/login',
          consentPage: '/consent',
          scopes: ['openid', 'offline_access', 'email'],
          resources: [API],
          enforcePerClientResources: false,
          silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true },
        }),
      ],
    });
    const handle = packages.toNodeHandler(auth);
    system.server.on('request', (request, response) => {
      if (request.url !== '/.well-known/openid-configuration') {
        void handle(request, response);
        return;
      }
      void sendDocument(auth, response);
    });
    await system.#register(auth);
    return system;
  }

  get client(): Client {
    return this.#client as Client;
  }

  /** Follows the address of a sign-in as the browser of the player would, and returns the address of the callback. */
  async visit(address: string): Promise<string> {
    const response = await fetch(address, { headers: { cookie: this.#cookie }, redirect: 'manual' });
    const { url } = (await response.json()) as { url: string };
    if (!url.startsWith(REDIRECT_URI)) throw new Error(`the identity system leads to ${url}`);
    return url;
  }

  async #register(auth: BetterAuth): Promise<void> {
    const response = await fetch(`${this.url}/api/auth/sign-up/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.url },
      body: JSON.stringify({ email: 'player@example.com', password: 'password-1234', name: 'Player' }),
    });
    await response.text();
    this.#cookie = response.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ');
    this.#client = await auth.api.adminCreateOAuthClient({
      headers: new Headers({ cookie: this.#cookie }),
      body: {
        redirect_uris: [REDIRECT_URI],
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        skip_consent: true,
        scope: 'openid offline_access email',
      },
    });
  }
}

async function sendDocument({ api }: BetterAuth, response: ServerResponse): Promise<void> {
  const document = await api.getOpenIdConfig({ headers: new Headers() });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}
