import { request as httpRequest } from 'node:http';
import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityVerdict,
  type Inspection,
  type TokenOutcome,
} from '../../../libs/nowgg-auth/src/identity/identity-provider.js';
import { principalOf, type TokenType } from '../../../libs/nowgg-auth/src/principal.js';
import { NowggAuthenticator } from '../../../libs/nowgg-auth/src/verification/nowgg-authenticator.js';
import type { Verdict } from '../../../libs/nowgg-auth/src/verification/decision/verdict.js';
import type { IssuedTokens, Subject } from './token-endpoint-families.js';

type Reply =
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly body: unknown;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly kind: 'failed'; readonly sent: boolean };

/** An identity provider that speaks to a scripted token endpoint over real sockets. */
export class EndpointProvider extends IdentityProvider {
  override readonly name: string;
  override readonly clientKey: string;
  override readonly tokenTypes: readonly TokenType[] = ['token'];
  readonly #url: string;

  constructor(url: string, clientKey = 'client-key', name = 'nowgg') {
    super();
    this.#url = url;
    this.clientKey = clientKey;
    this.name = name;
  }

  override recognises(): boolean {
    return true;
  }

  override inspect(): Inspection {
    return { action: 'ask', tokenType: 'token' };
  }

  override verify(): Promise<IdentityVerdict> {
    throw new Error('the token service asks the authenticator, never the provider');
  }

  override exchangeCode({ code, signal }: CodeExchangeRequest): Promise<TokenOutcome> {
    return this.#token({ kind: 'code', value: code }, signal);
  }

  override refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome> {
    return this.#token({ kind: 'refresh', value: refreshToken }, signal);
  }

  async #token(body: object, signal: AbortSignal): Promise<TokenOutcome> {
    const reply = await post(`${this.#url}/token`, body, signal);
    if (reply.kind === 'failed') return { status: reply.sent ? 'in_doubt' : 'not_sent', reason: 'network' };
    if (reply.status === 429) return { status: 'busy', retryAfterMs: reply.retryAfterMs };
    if (reply.status === 401) return { status: 'client_refused' };
    if (reply.status >= 500 || typeof reply.body !== 'object') return { status: 'in_doubt', reason: 'server_error' };
    if (reply.status === 400) {
      const { error, isFinal } = reply.body as { error: string; isFinal: boolean };
      return { status: 'refused', code: error, isFinal };
    }
    const { access_token, expires_at_ms, refresh_token } = reply.body as IssuedTokens;
    return {
      status: 'tokens',
      tokens: { accessToken: access_token, accessTokenExpiresAtMs: expires_at_ms, refreshToken: refresh_token },
    };
  }
}

/** Asks the scripted endpoint whose access token it is, every time. */
export class EndpointAuthenticator extends NowggAuthenticator {
  readonly #url: string;

  constructor(url: string) {
    super();
    this.#url = url;
  }

  override async authenticate(credential: string, policy?: { provider?: string | undefined }): Promise<Verdict> {
    const reply = await post(`${this.#url}/verify`, { token: credential }, AbortSignal.timeout(3_000));
    if (reply.kind === 'failed' || reply.status >= 500) {
      return { status: 'unknown', reason: 'network', retryAfterSeconds: 1 };
    }
    const { active, userId, sessionId } = reply.body as Subject & { active: boolean };
    if (!active) return { status: 'invalid', reason: 'invalid_token' };
    const provider = policy?.provider ?? 'nowgg';
    const facts = { provider, clientKey: 'client-key', issuer: 'https://now.gg', scopes: [], claims: {} };
    return { status: 'valid', principal: principalOf({ ...facts, tokenType: 'token', userId, sessionId }) };
  }
}

function post(url: string, body: object, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve) => {
    let sent = false;
    const failed = () => resolve({ kind: 'failed', sent });
    const request = httpRequest(url, { method: 'POST', signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () => {
        const seconds = Number(response.headers['retry-after']);
        resolve({
          kind: 'reply',
          status: response.statusCode ?? 0,
          body: parsed(Buffer.concat(chunks).toString('utf8')),
          retryAfterMs: Number.isNaN(seconds) ? undefined : seconds * 1000,
        });
      });
    });
    request.on('socket', (socket) => socket.once('connect', () => (sent = true)));
    request.on('error', failed);
    request.end(JSON.stringify(body));
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
