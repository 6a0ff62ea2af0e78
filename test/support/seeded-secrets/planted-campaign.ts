import { randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';
import {
  accepted,
  type Claims,
  CLIENT_ID,
  claimsSent,
  jws,
  refused,
  tokenClaims,
  tokensFor,
  TOKEN,
} from '../game/now-gg-messages.js';
import { bytesThenReset, hangUp, json, message, reset, text } from '../raw-http/raw-answers.js';
import type { RawAnswer, RawExchange } from '../raw-http/raw-peer.js';
import { jsonOf } from '../raw-http/raw-request.js';

/** What a campaign of planted credentials needs of its target. */
export interface CampaignTarget {
  readonly port: number;
}

/**
 * Thousands of distinct tokens, codes and refresh tokens, sent to an application in good and in bad ways, while its
 * identity system answers well, refuses, breaks, and echoes what it was sent. Every one of them bears {@link marks}.
 */
export class PlantedCampaign {
  readonly #mark = `PLANTED${randomBytes(8).toString('hex').toUpperCase()}`;
  readonly clientSecret = `secret-of-the-client-${randomBytes(8).toString('hex')}`;
  /** Statuses of the application's answers, by how often. */
  readonly statuses = new Map<number, number>();
  /** Replies in which something planted stood. */
  readonly leaks: string[] = [];
  planted = 0;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  /** Texts of which at least one stands in everything that was planted: as it is, and inside a JWS payload. */
  get marks(): string[] {
    // The payload starts with the mark at a place where base64 keeps it readable, whatever follows.
    const start = Buffer.from(`{"n":"${this.#mark}`).toString('base64url');
    return [this.#mark, start.slice(0, -2)];
  }

  token(changes: Claims = {}): string {
    this.planted += 1;
    const unique = randomBytes(6).toString('hex');
    return jws({ n: `${this.#mark}${unique}`, ...tokenClaims(changes) }, `${this.#mark}-${unique}`);
  }

  credential(kind: string): string {
    this.planted += 1;
    return `${this.#mark}-${kind}-${randomBytes(8).toString('hex')}`;
  }

  /** Answers of the identity system; a fault on two calls in five. */
  readonly answer: RawAnswer = (exchange) => {
    const faults = exchange.request.path === TOKEN ? this.#tokenFaults(exchange) : this.#verifyFaults(exchange);
    const [at = 0] = randomBytes(1);
    const fault = at % 5 < 2 ? faults[(at >> 3) % faults.length] : undefined;
    return (fault ?? this.#good(exchange))(exchange);
  };

  /**
   * Sends rounds of seven requests each, sixteen at a time: so many, and on until so much is planted. How much a round
   * plants hangs on how often the application pauses its token calls, and with that on the speed of the machine.
   */
  async attack(target: CampaignTarget, rounds: number, atLeast = 0): Promise<void> {
    let left = rounds;
    const workers = Array.from({ length: 16 }, async () => {
      while (left-- > 0 || this.planted < atLeast) await this.#round(target.port);
    });
    await Promise.all(workers);
    this.#agent.destroy();
  }

  async #round(port: number): Promise<void> {
    const token = this.token();
    const bearer = { Authorization: `Bearer ${token}` };
    await this.#send(port, 'GET', '/guarded', bearer);
    await this.#send(port, 'GET', '/scoped', bearer);
    await this.#send(port, 'GET', '/guarded', { Authorization: `Bearer ${this.credential('opaque')}` });
    await this.#send(port, 'GET', '/guarded', { Authorization: `Bearer "${this.credential('quoted')}"` });
    await this.#send(port, 'GET', `/guarded?access_token=${this.credential('query')}`, bearer);
    await this.#send(port, 'GET', '/userinfo', { 'X-Token': token });
    const code = this.credential('code');
    const reply = await this.#send(port, 'POST', '/exchange', {}, { code });
    const { grantId } = JSON.parse(reply) as { grantId?: string };
    if (grantId) await this.#send(port, 'POST', '/refresh', {}, { grantId });
  }

  async #send(
    port: number,
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: object,
  ): Promise<string> {
    const type = body ? { 'Content-Type': 'application/json' } : {};
    const reply = await new Promise<{ status: number; text: string; head: string }>((resolve, fail) => {
      const sent = request(
        { port, host: '127.0.0.1', agent: this.#agent, method, path, headers: { ...type, ...headers } },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, head: answer.rawHeaders.join('\n') }));
        },
      );
      sent.on('error', fail);
      sent.end(body && JSON.stringify(body));
    });
    this.statuses.set(reply.status, (this.statuses.get(reply.status) ?? 0) + 1);
    if (this.marks.some((mark) => `${reply.head}${reply.text}`.includes(mark)))
      this.leaks.push(`${method} ${path.split('?')[0]}`);
    return reply.text;
  }

  #good({ request }: RawExchange): RawAnswer {
    if (request.path === TOKEN) return json(200, tokensFor(this.token(), this.credential('refresh')));
    if (request.method === 'GET') return json(200, { success: true, code: 'USERDATA', userData: { userId: 'ada' } });
    return (exchange) => json(200, accepted(this.#claimsOf(exchange)))(exchange);
  }

  #claimsOf(exchange: RawExchange): Claims {
    // The mark itself stays out of the claims: what an accepted token says may be kept.
    if (!String(jsonOf(exchange.request).token).includes('.')) return tokenClaims();
    const { n: _mark, ...claims } = claimsSent(exchange);
    return claims;
  }

  #verifyFaults({ request }: RawExchange): RawAnswer[] {
    const echo = request.body === '' ? JSON.stringify(request.headerLines) : request.body;
    return [
      json(200, { ...refused(), msg: echo }),
      json(401, { success: false, code: echo, msg: echo }),
      json(500, { error: echo }),
      text(200, `${echo}<html>`),
      text(200, `{"success":true,"code":"VERIFICATION_SUCCESS","decodedData":${echo.slice(0, -1)}`),
      json(302, {}, [['Location', `http://127.0.0.1:1/?${encodeURIComponent(echo)}`]]),
      json(200, accepted(tokenClaims({ userId: 'another', aud: [CLIENT_ID, 'x'] }))),
      bytesThenReset(message(200, echo, [['Content-Type', 'application/json']]).subarray(0, -3)),
      reset,
      hangUp,
    ];
  }

  #tokenFaults({ request }: RawExchange): RawAnswer[] {
    return [
      json(400, { success: false, code: 'INVALID_CODE', msg: request.body }),
      json(200, { success: false, code: request.body.slice(0, 200) }),
      json(200, tokensFor(this.token(), this.credential('refresh'), { success: 'true' })),
      json(200, tokensFor(this.token(), this.credential('refresh'), { token_expiry: 'tomorrow' })),
      json(500, tokensFor(this.token(), this.credential('refresh'))),
      text(200, JSON.stringify(tokensFor(this.token(), this.credential('refresh'))).slice(0, -2)),
      bytesThenReset(message(200, request.body, [['Content-Type', 'application/json']]).subarray(0, -3)),
      reset,
      hangUp,
    ];
  }
}
