import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoggedRequest, RouteFault } from './backend-controls.js';
import { type BindingSettings, ScriptedProofs } from './scripted-proofs.js';

interface ScriptedSession {
  readonly userId: string;
  /** Counts the handles that were handed out. */
  version: number;
  generation: number;
  token: string;
  expiresAt: number;
  /** Thumbprint of the key that it is bound to. */
  readonly boundTo: string | undefined;
}

/** Serves a file of the test, such as a page or a module; `undefined` for an unknown path. */
export type FileSource = (pathname: string) => { type: string; text: string } | undefined;

const cors = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*, authorization',
  'access-control-allow-methods': '*',
  'access-control-expose-headers': 'retry-after',
};

/**
 * The ready-made routes as a front end sees them, with a clock and faults that a test sets over HTTP, so that a test in
 * a page and one in Node.js use the same.
 */
export class ScriptedBackend implements AsyncDisposable {
  readonly #server: Server;
  readonly #files: FileSource;
  #now = 0;
  #lifeMs = 0;
  #sessions = new Map<string, ScriptedSession>();
  #proofs = new ScriptedProofs();
  #refusedTokens = new Set<string>();
  #faults: RouteFault[] = [];
  #log: LoggedRequest[] = [];
  #held: (() => void)[] = [];
  #watchers: (() => void)[] = [];
  /** Player and challenge of each finished sign-in of a page, by its handoff. */
  #handoffs = new Map<string, { readonly userId: string; readonly challenge: string; boundTo?: string | undefined }>();

  private constructor(files: FileSource) {
    this.#files = files;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(files: FileSource = () => undefined): Promise<ScriptedBackend> {
    const backend = new ScriptedBackend(files);
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const file = this.#files(url.pathname);
    if (file) return void response.writeHead(200, { ...cors, 'content-type': file.type }).end(file.text);
    if (request.method === 'OPTIONS') return void response.writeHead(204, cors).end();
    const text = await readText(request);
    if (url.pathname.startsWith('/_control/')) return this.#control(url, text, response);
    const { authorization, dpop } = request.headers as Record<string, string | undefined>;
    this.#log.push({ method: `${request.method}`, path: url.pathname, body: text, authorization, dpop });
    for (const watcher of this.#watchers.splice(0)) watcher();
    if (await this.#carryOutFault(url.pathname, response)) return;
    if (/^\/auth\/(login|handoff|refresh|logout)$/.test(url.pathname)) {
      const input = JSON.parse(text) as Record<string, string | undefined>;
      const held = this.#handoffs.get(`${input['handoff']}`) ?? this.#sessions.get(readHandle(input['session']).name);
      const boundTo = held?.boundTo;
      const call = {
        proof: dpop,
        address: `${this.url}${url.pathname}`,
        credential: input['code'] ?? input['handoff'] ?? `${input['session']}`,
      };
      const answer = await this.#proofs.check(call, this.#now, boundTo);
      if ('errorCode' in answer) return send(response, 401, { statusCode: 401, message: 'refused', ...answer });
      if (url.pathname === '/auth/login') return this.#login(input, response, answer.thumbprint);
      if (url.pathname === '/auth/handoff') return this.#redeem(input, response, answer.thumbprint);
    }
    this.#answer(url, request, text, response);
  }

  /** @returns whether nothing else is to be answered */
  async #carryOutFault(pathname: string, response: ServerResponse): Promise<boolean> {
    const fault = this.#faults.find(({ path, times = Infinity }) => path === pathname && times > 0);
    if (!fault) return false;
    if (fault.times !== undefined) fault.times -= 1;
    if (fault.hold) await new Promise<void>((resolve) => this.#held.push(resolve));
    if (fault.hang) return true;
    if (fault.reset) {
      response.destroy();
      return true;
    }
    if (fault.lost) Object.assign(response, { end: () => response.destroy() });
    if (fault.status === undefined) return false;
    const body = typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body ?? {});
    response.writeHead(fault.status, { ...cors, 'content-type': 'application/json', ...fault.headers }).end(body);
    return true;
  }

  #answer(url: URL, request: IncomingMessage, text: string, response: ServerResponse): void {
    const session = this.#sessionOf(request);
    const input = () => JSON.parse(text) as Record<string, string | undefined>;
    switch (url.pathname) {
      case '/auth/web/authorize':
        return this.#authorize(url, response);
      case '/auth/refresh':
        return this.#refresh(input(), response);
      case '/auth/logout':
        this.#sessions.delete(readHandle(input()['session']).name);
        return void response.writeHead(204, cors).end();
      case '/public':
        return send(response, 200, { method: request.method, body: text });
      case '/redirect': {
        const location = url.searchParams.get('to') ?? '';
        return void response.writeHead(Number(url.searchParams.get('status')), { ...cors, location }).end();
      }
      case '/auth/me':
      case '/auth/userinfo':
      case '/auth/sessioninfo':
      case '/guarded':
        if (!session) return sendError(response, 401, 'invalid_token');
        return send(response, 200, { userId: session.userId, generation: session.generation, path: url.pathname });
      default:
        return send(response, 404, { statusCode: 404, message: 'Not Found' });
    }
  }

  #login({ code }: Record<string, string | undefined>, response: ServerResponse, boundTo?: string): void {
    if (!code?.startsWith('code-of-')) return sendError(response, 400, 'invalid_grant');
    this.#begin(code.slice('code-of-'.length), response, boundTo);
  }

  /** A sign-in at an identity system that asks nothing: the player is the one whom `prompt` names. */
  #authorize({ pathname, searchParams }: URL, response: ServerResponse): void {
    const [challenge, userId] = [searchParams.get('challenge') ?? '', searchParams.get('prompt') ?? 'asha'];
    const handoff = `handoff-${this.#handoffs.size}`;
    this.#handoffs.set(handoff, { userId, challenge });
    const result = userId === 'nobody' ? { 'nowgg-error': 'access_denied' } : { 'nowgg-handoff': handoff };
    const fragment = new URLSearchParams({ ...result, 'nowgg-challenge': challenge }).toString();
    if (pathname.startsWith('/_control/')) return send(response, 200, { fragment });
    response.writeHead(302, { ...cors, location: `${searchParams.get('returnTo')}#${fragment}` }).end();
  }

  #redeem(
    { handoff = '', verifier = '' }: Record<string, string | undefined>,
    response: ServerResponse,
    boundTo?: string,
  ): void {
    const found = this.#handoffs.get(handoff);
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    if (found?.challenge !== challenge) {
      this.#handoffs.delete(handoff);
      return sendError(response, 400, 'invalid_grant');
    }
    found.boundTo = boundTo;
    this.#begin(found.userId, response, boundTo);
  }

  #begin(userId: string, response: ServerResponse, boundTo?: string): void {
    const handle = `handle-${userId}-${this.#sessions.size}`;
    const session: ScriptedSession = { userId, version: 0, generation: 0, token: '', expiresAt: 0, boundTo };
    this.#sessions.set(handle, session);
    this.#issue(session);
    const user = { provider: 'nowgg', userId };
    send(response, 200, { ...this.#tokenOf(session), session: handle, user, bound: boundTo ? true : undefined });
  }

  #refresh(input: Record<string, string | number | undefined>, response: ServerResponse): void {
    const { name, version } = readHandle(input['session']);
    const session = this.#sessions.get(name);
    if (!session) return sendError(response, 401, 'reauthentication_required');
    if (version < session.version - 1) {
      if (input['reread'] as unknown) this.#sessions.delete(name);
      return sendError(response, 401, 'session_superseded');
    }
    // The handle of a bound session stays the same.
    if (!session.boundTo) session.version = Math.max(session.version, version + 1);
    const isShort = session.expiresAt - this.#now < this.#lifeMs / 5;
    if (isShort || input['generation'] === session.generation) this.#issue(session);
    send(response, 200, { ...this.#tokenOf(session), session: session.boundTo ? name : `${name}~${session.version}` });
  }

  #issue(session: ScriptedSession): void {
    session.generation += 1;
    session.token = `token-${session.userId}.${session.generation}`;
    session.expiresAt = this.#now + this.#lifeMs;
  }

  #tokenOf({ token, generation, expiresAt }: ScriptedSession) {
    return { token, generation, tokenExpiresAt: new Date(expiresAt).toISOString() };
  }

  #sessionOf({ headers }: IncomingMessage): ScriptedSession | undefined {
    const token = headers.authorization?.replace('Bearer ', '') ?? '';
    if (this.#refusedTokens.has(token)) return undefined;
    return [...this.#sessions.values()].find((session) => session.token === token && session.expiresAt > this.#now);
  }

  async #control(url: URL, text: string, response: ServerResponse): Promise<void> {
    const command = url.pathname.slice('/_control/'.length);
    const input = JSON.parse(text || '{}') as Record<string, string | number>;
    if (command === 'authorize') return this.#authorize(url, response);
    if (command === 'reset') this.#reset(Number(input['now']), Number(input['lifeMs']));
    else if (command === 'advance') this.#now += Number(input['ms']);
    else if (command === 'fault') this.#faults.unshift(input as unknown as RouteFault);
    else if (command === 'mend') this.#faults = [];
    else if (command === 'release') for (const release of this.#held.splice(0)) release();
    else if (command === 'revoke') this.#sessions.clear();
    else if (command === 'binding') this.#proofs.set(input as unknown as BindingSettings);
    else if (command === 'refuse-tokens')
      for (const { token } of this.#sessions.values()) this.#refusedTokens.add(token);
    else if (command === 'await') await this.#seen(`${input['path']}`, Number(input['count']));
    send(response, 200, this.#log);
  }

  #reset(now: number, lifeMs: number): void {
    for (const release of this.#held.splice(0)) release();
    this.#now = now;
    this.#lifeMs = lifeMs;
    this.#sessions = new Map();
    this.#proofs = new ScriptedProofs();
    this.#refusedTokens = new Set();
    this.#faults = [];
    this.#log = [];
    this.#handoffs = new Map();
  }

  async #seen(path: string, count: number): Promise<void> {
    while (this.#log.filter((request) => request.path === path).length < count)
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }
}

/** A handle names its session and, after the first one, its version. */
function readHandle(handle: unknown): { name: string; version: number } {
  const [name = '', version = '0'] = String(handle).split('~');
  return { name, version: Number(version) };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { ...cors, 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function sendError(response: ServerResponse, statusCode: number, errorCode: string): void {
  send(response, statusCode, { statusCode, message: 'refused', errorCode });
}
