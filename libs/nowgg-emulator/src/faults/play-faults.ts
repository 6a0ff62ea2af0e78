import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Reply } from '../endpoints/reply.js';
import { jsonContentType, sendReply, sendText } from '../http/send.js';
import type { Fault } from './fault.js';
import type { FaultPlan, PlannedFaults } from './fault-plan.js';

/**
 * Answers a call that faults apply to. Real servers do not notice that a caller has disconnected, so the request is
 * carried out even when the connection is already closed.
 */
export async function playFaults(
  { latency, effect }: PlannedFaults,
  carryOut: () => Reply,
  response: ServerResponse,
  plan: FaultPlan,
): Promise<void> {
  const carriedOutFirst = latency?.when === 'after' || (effect?.when === 'after' && !isLateByNature(effect));
  const early = carriedOutFirst ? carryOut() : undefined;
  // Held from now on: a release during the latency counts.
  const released = effect?.kind === 'hold' ? plan.hold() : undefined;
  if (latency) await pause(latency.ms, undefined, { ref: false });
  switch (effect?.kind) {
    case undefined:
      return sendReply(response, early ?? carryOut());
    case 'hold':
      await released;
      return sendReply(response, early ?? carryOut());
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
      return drip(response, early ?? carryOut(), effect.intervalMs ?? 1000);
  }
}

const isLateByNature = (fault: Fault) => fault.kind === 'drip';

function drip(response: ServerResponse, reply: Reply, intervalMs: number): void {
  if (response.destroyed) return;
  const bytes = Buffer.from(JSON.stringify(reply.body));
  response.writeHead(reply.status, { 'content-type': jsonContentType, 'content-length': bytes.length });
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
