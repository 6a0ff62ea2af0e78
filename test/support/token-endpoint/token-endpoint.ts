import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SentToken, TokenEndpointCall, TokenEndpointFault, TokenEndpointOutcome } from './token-endpoint-call.js';
import { TokenFamilies, type TokenEndpointMode } from './token-endpoint-families.js';
import { sendReply, textOf } from './token-endpoint-replies.js';

export interface TokenEndpointOptions {
  readonly mode: TokenEndpointMode;
  /** Life of an access token, milliseconds. */
  readonly accessTokenMs?: number;
  /** How long every reply takes, milliseconds. */
  readonly latencyMs?: number;
}

/**
 * A token endpoint whose every call can be scripted, with a question for each token beside it. It answers below every
 * path: what comes first in it tells who calls.
 */
export class TokenEndpoint {
  families: TokenFamilies;
  readonly calls: TokenEndpointCall[] = [];
  /** Befall the next calls, one each. */
  readonly faults: TokenEndpointFault[] = [];
  /** The same for the calls about one player, by user id. */
  readonly faultsOf = new Map<string, TokenEndpointFault[]>();
  /** Befalls every call that nothing else befalls. */
  outage: TokenEndpointFault | undefined;
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
    this.faultsOf.clear();
    this.outage = undefined;
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
    const [path, caller = ''] = (request.url ?? '').slice(1).split('/').toReversed();
    if (path === 'verify') return this.#verify(body, response);
    const sent = { kind: body.kind as 'code' | 'refresh', value: body.value ?? '' };
    const userId = this.families.ownerOf(sent.value);
    const fault = this.faultsOf.get(userId ?? '')?.shift() ?? this.faults.shift() ?? this.outage;
    const outcome = this.#carryOut(sent, fault);
    const issued = outcome.status === 200 ? outcome.body : undefined;
    const call: TokenEndpointCall = { ...sent, caller, userId, fault: fault?.kind, issued, delivered: false };
    this.calls.push(call);
    for (const waiter of this.#waiters.filter(({ calls }) => this.calls.length >= calls)) waiter.resolve();
    if (this.#held) await new Promise<void>((resolve) => this.#held?.push(resolve));
    if (this.latencyMs > 0) await pause(this.latencyMs);
    call.delivered = await sendReply(response, outcome, fault);
  }

  #carryOut(call: SentToken, fault: TokenEndpointFault | undefined): TokenEndpointOutcome {
    if (this.refusesEverybody) return { status: 400, body: { error: 'REFUSED', isFinal: false } };
    switch (fault?.kind) {
      case 'lose_request':
      case 'hang':
        return { status: 0, body: {} };
      case 'server_error':
        return { status: 502, body: {} };
      case 'busy':
        return { status: 429, body: {}, headers: { 'retry-after': String(fault.retryAfterSeconds) } };
      case 'refuse':
        return { status: 400, body: { error: 'REFUSED', isFinal: fault.isFinal } };
      case 'refuse_client':
        return { status: 401, body: { error: 'invalid_client' } };
    }
    const tokens = call.kind === 'code' ? this.families.redeem(call.value) : this.families.refresh(call.value);
    return tokens ? { status: 200, body: tokens } : { status: 400, body: { error: 'invalid_grant', isFinal: true } };
  }

  #verify({ token = '' }: Record<string, string>, response: ServerResponse): void {
    this.verifications += 1;
    if (this.verifyIsDown) return void sendReply(response, { status: 503, body: {} });
    const subject = this.families.subjectOf(token);
    void sendReply(response, { status: 200, body: subject ? { active: true, ...subject } : { active: false } });
  }
}

/** A code that this endpoint redeems once. */
export function codeFor(endpoint: TokenEndpoint, userId: string): string {
  const code = `code-${randomUUID()}`;
  endpoint.families.issueCode(code, userId);
  return code;
}
