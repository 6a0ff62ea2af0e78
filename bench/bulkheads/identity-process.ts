import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '../support/child-process.js';

/** Time that each endpoint takes, in milliseconds. */
const VERIFY_MS = 40;
const TOKEN_MS = 20_000;
const ACCOUNT_MS = 2_900;

const calls: Record<string, number> = {};

/** An identity system that accepts every well-formed token, refuses every code, and is slow for both. */
async function start(): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const endpoint = request.url?.split('/').at(-1) ?? '';
  calls[endpoint] = (calls[endpoint] ?? 0) + 1;
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const [waitMs, reply] = replyOf(endpoint, request, body);
  await pause(waitMs);
  if (!response.destroyed) response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply));
}

function replyOf(endpoint: string, request: IncomingMessage, body: string): readonly [number, unknown] {
  if (endpoint === 'verify-token') {
    const decodedData = claimsOf((JSON.parse(body) as { token: string }).token);
    const isGood = decodedData?.iss === 'https://now.gg';
    const yes = { success: true, code: 'VERIFICATION_SUCCESS', decodedData };
    return [VERIFY_MS, isGood ? yes : { success: false, code: 'INVALID_TOKEN' }];
  }
  if (endpoint === 'token') return [TOKEN_MS, { success: false, code: 'INVALID_CODE' }];
  const claims = claimsOf(request.headers.authorization ?? '');
  return [ACCOUNT_MS, { success: true, code: 'USERDATA', userData: { userId: claims?.userId } }];
}

function claimsOf(token: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

const operations = { start, calls: () => calls };

export type IdentityOperations = typeof operations;

serve(operations);
