import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TokenFamilies, type TokenEndpointMode } from './token-endpoint-families.js';

/**
 * What befalls one call. `carried out` means that the grant changes hands although the caller may not hear of it.
 * - `lose_request`: the connection ends, nothing was carried out. `lose_reply`: carried out, the connection ends.
 * - `garbage`: carried out, the reply is no JSON. `server_error`: 502, not carried out.
 * - `busy`: 429 with `Retry-After`. `refuse`: a well-formed no, whatever was sent. `refuse_client`: our client is refused.
 * - `delay`: carried out, the reply comes this much later.
 */
export type TokenEndpointFault =
  | { readonly kind: 'lose_request' | 'lose_reply' | 'garbage' | 'server_error' | 'refuse_client' }
  | { readonly kind: 'busy'; readonly retryAfterSeconds: number }
  | { readonly kind: 'refuse'; readonly definite: boolean }
  | { readonly kind: 'delay'; readonly ms: number };

export interface TokenEndpointCall {
  readonly kind: 'code' | 'refresh';
  readonly value: string;
}

export interface TokenEndpointOptions {
  readonly mode: TokenEndpointMode;
  /** Life of an access token, milliseconds. */
  readonly accessTokenMs?: number;
  /** How long every reply takes, milliseconds. */
  readonly latencyMs?: number;
}

/** A token endpoint whose every call can be scripted, with a question for each token beside it. */
export class TokenEndpoint {
  families: TokenFamilies;
  readonly calls: TokenEndpointCall[] = [];
  /** Befall the next calls, one each. */
  readonly faults: TokenEndpointFault[] = [];
  latencyMs: number;
  verifyIsDown = false;
  refusesEverybody = false;
  verifications = 0;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #held: (() => void)[] | undefined;
  #waiters: { calls: number; resolve(): void }[] = [];

  constructor({ mode, accessTokenMs = 3_600_000, latencyMs = 0 }: TokenEndpointOptions) {
    this.families = new TokenFamilies(mode, accessTokenMs);
    this.latencyMs = latencyMs;
  }

  static async start(options: TokenEndpointOptions): Promise<TokenEndpoint> {
    const endpoint = new TokenEndpoint(options);
    await new Promise<void>((resolve) => endpoint.#server.listen(0, '127.0.0.1', resolve));
    return endpoint;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forgets everything it has issued and every call, and goes on in another mode. */
  startOver(mode: TokenEndpointMode): void {
    this.families = new TokenFamilies(mode, this.families.accessTokenMs);
    this.calls.length = 0;
    this.faults.length = 0;
    this.refusesEverybody = false;
    this.verifyIsDown = false;
    this.release();
  }

  /** Calls with a refresh token so far. */
  get refreshes(): number {
    return this.calls.filter(({ kind }) => kind === 'refresh').length;
  }

  /** Carries calls out but keeps their replies until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  /** Resolves once this many calls have come in altogether. */
  async called(calls: number): Promise<void> {
    if (this.calls.length >= calls) return;
    await new Promise<void>((resolve) => this.#waiters.push({ calls, resolve }));
  }

  async stop(): Promise<void> {
    this.release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await textOf(request)) as Record<string, string>;
    if (request.url === '/verify') return this.#verify(body, response);
    const call = { kind: body.kind as 'code' | 'refresh', value: body.value ?? '' };
    const fault = this.faults.shift();
    const outcome = this.#carryOut(call, fault);
    this.calls.push(call);
    for (const waiter of this.#waiters.filter(({ calls }) => this.calls.length >= calls)) waiter.resolve();
    if (this.#held) await new Promise<void>((resolve) => this.#held?.push(resolve));
    const delayMs = this.latencyMs + (fault?.kind === 'delay' ? fault.ms : 0);
    if (delayMs > 0) await pause(delayMs);
    if (fault?.kind === 'lose_request' || fault?.kind === 'lose_reply') request.socket.destroy();
    else if (fault?.kind === 'garbage') response.writeHead(200).end('<html>');
    else reply(response, outcome.status, outcome.body, outcome.headers);
  }

  #carryOut(call: TokenEndpointCall, fault: TokenEndpointFault | undefined) {
    if (this.refusesEverybody) return { status: 400, body: { error: 'REFUSED', definite: false } };
    switch (fault?.kind) {
      case 'lose_request':
        return { status: 0, body: {} };
      case 'server_error':
        return { status: 502, body: {} };
      case 'busy':
        return { status: 429, body: {}, headers: { 'retry-after': String(fault.retryAfterSeconds) } };
      case 'refuse':
        return { status: 400, body: { error: 'REFUSED', definite: fault.definite } };
      case 'refuse_client':
        return { status: 401, body: { error: 'invalid_client' } };
    }
    const tokens = call.kind === 'code' ? this.families.redeem(call.value) : this.families.refresh(call.value);
    return tokens ? { status: 200, body: tokens } : { status: 400, body: { error: 'invalid_grant', definite: true } };
  }

  #verify({ token = '' }: Record<string, string>, response: ServerResponse): void {
    this.verifications += 1;
    if (this.verifyIsDown) return reply(response, 503, {});
    const subject = this.families.subjectOf(token);
    reply(response, 200, subject ? { active: true, ...subject } : { active: false });
  }
}

/** A code that this endpoint redeems once. */
export function codeFor(endpoint: TokenEndpoint, userId: string): string {
  const code = `code-${randomUUID()}`;
  endpoint.families.issueCode(code, userId);
  return code;
}

function reply(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
