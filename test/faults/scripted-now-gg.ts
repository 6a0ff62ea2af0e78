import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { accepted, type Claims, CLIENT_ID, jws, refused, tokenClaims } from '../support/game/now-gg-messages.js';

/** How the identity system is today. `flapping` fails every second call, `limiting` answers 429. */
export type Mood = 'well' | 'hanging' | 'failing' | 'flapping' | 'limiting';

const MONTH_S = 30 * 86_400;
const GOOD = 'good';
const BAD = 'bad';

/** A now.gg that knows by its signature whether a token is good, and whose mood can be changed under load. */
export class ScriptedNowGg implements AsyncDisposable {
  mood: Mood = 'well';
  /** Calls that arrived. */
  calls = 0;
  /** The players for whom it ever said yes. */
  readonly accepted = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    // A browned-out server does not close connections to spare its clients.
    this.#server.keepAliveTimeout = 600_000;
  }

  static async start(): Promise<ScriptedNowGg> {
    const started = new ScriptedNowGg();
    started.#server.listen(0, '127.0.0.1');
    await once(started.#server, 'listening');
    return started;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls += 1;
    const { token } = (await bodyOf(request)) as { token: string };
    const { mood } = this;
    if (mood === 'hanging') return;
    if (mood === 'failing' || (mood === 'flapping' && this.calls % 2 === 0))
      return send(response, 503, { error: 'busy' });
    if (mood === 'limiting') {
      response.setHeader('Retry-After', '7');
      return send(response, 429, { error: 'slow down' });
    }
    const [, payload = '', signature] = token.split('.');
    if (signature !== GOOD) return send(response, 200, refused());
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
    this.accepted.add(String(claims.userId));
    return send(response, 200, accepted(claims));
  }
}

/** A token that now.gg knows, of a player of its own unless one is named. */
export function goodToken(userId?: string): string {
  return jws(tokenClaims({ exp: nowS() + MONTH_S, ...(userId !== undefined && { userId }) }), GOOD);
}

/** One that looks as good and that now.gg does not know. */
export function badToken(): string {
  return jws(tokenClaims({ exp: nowS() + MONTH_S }), BAD);
}

/** The player whose token it is. */
export function playerOf(token: string): string {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
  return String(claims.userId);
}

export const client = { clientId: CLIENT_ID, clientSecret: 'secret-of-the-test' };

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}
