import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { serve } from '../support/child-process.js';
import { acceptance } from './tokens.js';

/** Time that verify-token takes, in milliseconds. */
const LATENCY_MS = 20;

let hangs = false;
let latencyMs = LATENCY_MS;

const server = createServer((request, response) => {
  void (async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (hangs) return;
    const { token } = JSON.parse(Buffer.concat(chunks).toString()) as { token: string };
    if (latencyMs > 0) await pause(latencyMs);
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(acceptance(token)));
  })();
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const operations = {
  url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  /** Sets the time that a call takes. Default: that of a network. */
  delay: (ms = LATENCY_MS) => {
    latencyMs = ms;
  },
  /** Makes calls get no answer from now on, or get one again. */
  hang: (on: boolean) => {
    hangs = on;
  },
};

export type IdentityOperations = typeof operations;

serve(operations);
