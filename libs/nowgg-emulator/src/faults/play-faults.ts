import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../endpoints/reply.js';
import { jsonContentType, sendReply, sendText } from '../http/send.js';
import type { FaultPlan, PlannedFaults } from './fault-plan.js';

/**
 * Answers a call that faults apply to. Real servers do not notice that a caller has disconnected, so the request is
 * carried out even when the connection is already closed.
 */
export async function playFaults(
  { latency, hold, effect }: PlannedFaults,
  carryOut: () => Reply,
  response: ServerResponse,
  plan: FaultPlan,
): Promise<void> {
  const isCarriedOut = effect === undefined || effect.when === 'after' || needsReply(effect);
  const isFirst = isCarriedOut && [latency, hold, effect].some((fault) => fault?.when === 'after');
  const early = isFirst ? carryOut() : undefined;
  // Held from now on: a release during the latency counts.
  const released = hold && plan.hold();
  if (latency) await pause(latency.ms, undefined, { ref: false });
  await released;
  const reply = isCarriedOut ? (early ?? carryOut()) : undefined;
  if (effect) playEffect(effect, reply, response);
  else if (reply) sendReply(response, reply);
}

type Effect = NonNullable<PlannedFaults['effect']>;

const needsReply = ({ kind }: Effect) => kind === 'drip' || kind === 'cut';

function playEffect(effect: Effect, reply: Reply | undefined, response: ServerResponse): void {
  switch (effect.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'status':
      return sendText(response, effect.status, effect.body ?? '', {
        'content-type': effect.contentType ?? jsonContentType,
        ...effect.headers,
      });
    case 'body':
      return sendText(response, effect.status ?? 200, effect.body, {
        'content-type': effect.contentType ?? jsonContentType,
      });
    case 'rate-limit': {
      const headers = effect.retryAfter === undefined ? {} : { 'retry-after': String(effect.retryAfter) };
      return sendText(response, 429, '', { 'content-type': jsonContentType, ...headers });
    }
    case 'drip':
      return reply && drip(response, reply, effect.intervalMs ?? 1000);
    case 'cut':
      return reply && cut(response, reply);
  }
}

function drip(response: ServerResponse, reply: Reply, intervalMs: number): void {
  if (response.destroyed) return;
  const bytes = sendHead(response, reply);
  response.flushHeaders();
  let sent = 0;
  const timer = setInterval(() => {
    response.write(bytes.subarray(sent, sent + 1));
    sent += 1;
    if (sent < bytes.length) return;
    clearInterval(timer);
    response.end();
  }, intervalMs);
  response.once('close', () => clearInterval(timer));
}

function cut(response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const bytes = sendHead(response, reply);
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
}

/** Sends the head of a whole reply. Returns the body that has to follow. */
function sendHead(response: ServerResponse, { status, body }: Reply): Buffer {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': jsonContentType, 'content-length': bytes.length });
  return bytes;
}
