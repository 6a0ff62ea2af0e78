import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '../support/child-process.js';
import { acceptance } from '../verify/tokens.js';

/** An identity system that accepts every token. @returns its URL */
async function start(): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { token } = JSON.parse(Buffer.concat(chunks).toString()) as { token: string };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(acceptance(token)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const operations = { start };
export type IdentityOperations = typeof operations;

serve(operations);
