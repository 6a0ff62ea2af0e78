import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../support/child-process.js';
import { acceptance } from '../verify/tokens.js';

/** How a call fails: by a 500 at once, or by no answer at all. */
export type Failure = 'errors' | 'silence';

let failing = { share: 0, failure: 'errors' as Failure };
let calls = 0;
let state = 1;

/** An identity system that accepts every token, and fails a share of the calls in the same pattern in each run. */
async function start(): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  calls += 1;
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { share, failure } = failing;
  const fails = random() < share;
  if (fails && failure === 'silence') return;
  response.statusCode = fails ? 500 : 200;
  const reply = fails ? {} : acceptance((JSON.parse(body) as { token: string }).token);
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(reply));
}

/** A number from 0 to 1. */
function random(): number {
  state = (state * 48_271) % 2_147_483_647;
  return state / 2_147_483_647;
}

/** Fails this share of the calls from now on. @returns the number of calls so far */
function fail(share: number, failure: Failure): number {
  failing = { share, failure };
  state = 1;
  return calls;
}

const operations = { start, fail };

export type IdentityOperations = typeof operations;

serve(operations);
