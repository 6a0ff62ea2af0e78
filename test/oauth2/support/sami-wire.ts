import type { IncomingMessage, ServerResponse } from 'node:http';
import { LoopbackServer } from './loopback-server.js';

/** A request for `POST /token`, as it came over the wire. */
export interface TokenCall {
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly body: string;
}

interface IssuedToken {
  readonly userId: string | null;
  readonly deviceId: string | null;
  readonly clientId: string;
}

/** Seconds that a code can be exchanged for, by SAMI's page. */
const CODE_LIFE_S = 60;

/**
 * SAMI's accounts server and one of its APIs, written from the documentation of the wire and not from this project's
 * code: `oauth2-flow-examples`, `authentication`, and the API description of ARTIK Cloud for token info.
 */
export class SamiWire extends LoopbackServer {
  readonly tokenCalls: TokenCall[] = [];
  /** Users who have granted the application access to their data. */
  readonly granted = new Set<string>();
  /** How the server says that a code is not good (any more). Its page names only `invalid_request`. */
  codeError = 'invalid_grant';
  /** Answers everything with this status, as in an outage. */
  outage: number | undefined;
  readonly #clock: { now(): number };
  readonly #codes = new Map<string, { readonly userId: string; readonly issuedAtMs: number }>();
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #refreshTokens = new Map<string, string>();

  private constructor(clock: { now(): number }) {
    super();
    this.#clock = clock;
  }

  static async start(clock: { now(): number }): Promise<SamiWire> {
    const wire = new SamiWire(clock);
    wire.server.on('request', (request, response) => void wire.#serve(request, response));
    await wire.listen();
    return wire;
  }

  /** The user has signed in and pressed "Grant": the code in the redirect. */
  grantCode(userId: string): string {
    this.granted.add(userId);
    const code = `0ee7fcd0abed470182b02cd649ec${String(this.#codes.size).padStart(4, '0')}`;
    this.#codes.set(code, { userId, issuedAtMs: this.#clock.now() });
    return code;
  }

  /** A token of a device, as users make them in SAMI's portal. */
  issueDeviceToken(userId: string, clientId: string): string {
    return this.#issue({ userId, deviceId: 'a-device', clientId });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8' }).end(JSON.stringify(body));
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const { authorization } = request.headers;
    if (this.outage !== undefined) return void answer(this.outage, {});
    if (pathname === '/authorize' && searchParams.get('response_type') === 'token') {
      return void response.writeHead(302, { location: this.#grantToken(searchParams) }).end();
    }
    if (request.method === 'POST' && pathname === '/token') {
      const body = Buffer.concat(chunks).toString('utf8');
      this.tokenCalls.push({ authorization, contentType: request.headers['content-type'], body });
      const [status, reply] = this.#token(new URLSearchParams(body), authorization);
      return void answer(status, reply);
    }
    const bearer = /^bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '';
    const token = this.#tokens.get(bearer);
    if (!token)
      return void answer(401, { error: { code: 401, message: 'Please provide a valid authorization token' } });
    if (pathname === '/v1.1/accounts/tokenInfo') {
      const { clientId: client_id, deviceId: device_id, userId: user_id } = token;
      return void answer(200, { data: { client_id, device_id, expires_in: device_id ? null : 3600, user_id } });
    }
    // An API call for the data of one user: with the user's token, or with the application's if the user has granted it.
    const owner = /^\/v1\.1\/users\/([^/]+)\/devices$/.exec(pathname)?.[1];
    const mayRead = token.userId === null ? this.granted.has(owner ?? '') : token.userId === owner;
    answer(mayRead ? 200 : 403, mayRead ? { data: { devices: [] } } : { error: { code: 403 } });
  }

  /** The implicit method: the user is Asha, who grants at once. */
  #grantToken(parameters: URLSearchParams): string {
    this.granted.add('asha');
    const clientId = parameters.get('client_id') ?? '';
    const token = this.#issue({ userId: 'asha', deviceId: null, clientId });
    const answer = `expires_in=7200&token_type=bearer&refresh_token=a04849e10a9e4205&access_token=${token}`;
    return `${parameters.get('redirect_uri')}#${answer}&state=${parameters.get('state')}`;
  }

  #token(form: URLSearchParams, authorization: string | undefined): [number, object] {
    const basic = /^Basic (.+)$/.exec(authorization ?? '')?.[1];
    const [clientId = form.get('client_id')] = basic ? Buffer.from(basic, 'base64').toString().split(':') : [];
    if (clientId === null) return [400, { error: 'invalid_request' }];
    const reply = { token_type: 'bearer', expires_in: 3600 };
    switch (form.get('grant_type')) {
      case 'authorization_code': {
        const code = this.#codes.get(form.get('code') ?? '');
        this.#codes.delete(form.get('code') ?? '');
        if (!code || this.#clock.now() - code.issuedAtMs > CODE_LIFE_S * 1000) return [400, { error: this.codeError }];
        const refresh_token = `refresh-${this.#refreshTokens.size}`;
        this.#refreshTokens.set(refresh_token, code.userId);
        const access_token = this.#issue({ userId: code.userId, deviceId: null, clientId });
        return [200, { access_token, ...reply, refresh_token }];
      }
      case 'refresh_token': {
        const refresh_token = form.get('refresh_token') ?? '';
        const userId = this.#refreshTokens.get(refresh_token);
        if (userId === undefined) return [400, { error: 'invalid_grant' }];
        const access_token = this.#issue({ userId, deviceId: null, clientId });
        return [200, { access_token, ...reply, refresh_token, scope: form.get('scope') ?? 'read,write' }];
      }
      case 'client_credentials':
        return [200, { access_token: this.#issue({ userId: null, deviceId: null, clientId }), ...reply }];
      default:
        return [400, { error: 'unsupported_grant_type' }];
    }
  }

  #issue(token: IssuedToken): string {
    const text = `2YotnFZFEjr1zCsicMWp${String(this.#tokens.size).padStart(4, '0')}`;
    this.#tokens.set(text, token);
    return text;
  }
}
