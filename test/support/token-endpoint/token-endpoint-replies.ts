import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { TokenEndpointFault, TokenEndpointOutcome } from './token-endpoint-call.js';

const DRIP_PARTS = 20;

/** Answers as the fault has it. @returns whether the reply was handed to the connection, whole and well-formed */
export async function sendReply(
  response: ServerResponse,
  { status, body, headers = {} }: TokenEndpointOutcome,
  fault?: TokenEndpointFault,
): Promise<boolean> {
  const text = JSON.stringify(body);
  if (fault?.kind === 'delay') await pause(fault.ms);
  switch (fault?.kind) {
    case 'lose_request':
    case 'lose_reply':
      response.destroy();
      return false;
    case 'hang':
    case 'forget':
      return false;
    case 'garbage':
      response.writeHead(200).end('<html>');
      return false;
  }
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  if (fault?.kind === 'cut') {
    response.write(text.slice(0, text.length >> 1), () => response.destroy());
    return false;
  }
  if (fault?.kind === 'drip') await drip(response, text, fault.ms);
  else response.end(text);
  if (!response.writableFinished && !response.destroyed)
    await Promise.race([once(response, 'finish'), closed(response)]);
  return response.writableFinished;
}

/** The body of a request. */
export async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function drip(response: ServerResponse, text: string, ms: number): Promise<void> {
  const size = Math.ceil(text.length / DRIP_PARTS);
  for (let at = 0; at < text.length; at += size) {
    response.write(text.slice(at, at + size));
    await pause(ms / DRIP_PARTS);
  }
  response.end();
}

async function closed(response: ServerResponse): Promise<void> {
  await once(response, 'close');
}
