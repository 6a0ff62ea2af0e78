import { request } from 'node:http';

/** Sends one request and reads its answer to the end. @returns the status; 0 when the connection failed */
export type Send = (path: string, options?: { token?: string; json?: unknown }) => Promise<number>;

export function sender(port: number): Send {
  return async (path, { token, json } = {}) =>
    new Promise((resolve) => {
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(json !== undefined && { 'content-type': 'application/json' }),
      };
      const call = request({ port, path, host: '127.0.0.1', method: json === undefined ? 'GET' : 'POST', headers });
      call.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      });
      call.on('error', () => resolve(0));
      const timer = setTimeout(() => call.destroy(), LONGEST_MS);
      call.on('close', () => {
        clearTimeout(timer);
        resolve(0);
      });
      call.end(json === undefined ? undefined : JSON.stringify(json));
    });
}

/** Time limit of a request in milliseconds; one without an answer counts as refused, so that a run always ends. */
const LONGEST_MS = 10_000;

let serial = 0;

/** A token that was never presented before. */
export function newToken(clientId: string, changes: Readonly<Record<string, unknown>> = {}): string {
  serial += 1;
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://now.gg',
    aud: clientId,
    userId: `player-${serial}`,
    tokenId: `token-${serial}`,
    sessionId: `session-${serial}`,
    scope: 'email',
    iat: now - 60,
    exp: now + 3_600,
    ...changes,
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`;
}

export interface Attack {
  /** For `--only`. */
  readonly id: 'texts' | 'codes' | 'userinfo';
  readonly name: string;
  /** Begins the attack, which continues until `isOver`. */
  readonly begin: (send: Send, clientId: string, isOver: () => boolean) => void;
}

/** The longest token that is read, with an issuer that makes a careless search for trailing slashes slow. */
function slashes(clientId: string): string {
  return newToken(clientId, { iss: `https://now.gg${'/'.repeat(5_600)}x` });
}

export const attacks: readonly Attack[] = [
  {
    id: 'texts',
    name: '30 requests a second of the worst text',
    begin: (send, clientId, isOver) => {
      const timer = setInterval(() => {
        if (isOver()) clearInterval(timer);
        else void send('/play', { token: slashes(clientId) });
      }, 1_000 / 30);
    },
  },
  {
    id: 'codes',
    name: '300 made-up codes, token endpoint takes 20 s',
    begin: (send) => {
      for (let n = 0; n < 300; n += 1) void send('/auth/login', { json: { code: `made-up-${n}` } });
    },
  },
  {
    id: 'userinfo',
    name: '700 userinfo calls of one player, endpoint takes 2.9 s',
    begin: (send, clientId) => {
      const token = newToken(clientId, { userId: 'greedy' });
      // Spread over the 2.9 s that the endpoint takes: in one iteration of the event loop they would measure this
      // driver, which shares the machine.
      for (let n = 0; n < 700; n += 1) {
        setTimeout(() => void send('/auth/userinfo', { token }), Math.floor(n / 10) * 40);
      }
    },
  },
];
