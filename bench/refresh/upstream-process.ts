import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '../support/child-process.js';
import { makeToken } from '../verify/tokens.js';
import type { IssuedTokens, Presented } from './upstream.js';

/** Refresh tokens; each works for ever. */
const live = new Set<string>();
let latencyMs = 0;

const server = createServer((request, response) => void answer(request, response));
server.keepAliveTimeout = 120_000;
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const issued = carryOut(JSON.parse(Buffer.concat(chunks).toString()) as Presented);
  if (latencyMs > 0) await pause(latencyMs);
  const body = JSON.stringify(issued ?? { error: 'invalid_grant' });
  response
    .writeHead(issued ? 200 : 400, { 'content-type': 'application/json', 'content-length': body.length })
    .end(body);
}

function carryOut({ kind, value }: Presented): IssuedTokens | undefined {
  if (kind === 'code') return { accessToken: makeToken(value), refreshToken: newRefreshToken() };
  return live.has(value) ? { accessToken: makeToken() } : undefined;
}

function newRefreshToken(): string {
  const token = randomBytes(90).toString('base64url');
  live.add(token);
  return token;
}

const operations = {
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
  answerAfter: (ms: number) => {
    latencyMs = ms;
  },
};

export type UpstreamOperations = typeof operations;

serve(operations);
