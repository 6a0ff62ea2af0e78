import type { IdentityHttpOutcome } from '../identity-http.js';
import type { UnknownReason } from '../reasons.js';
import { isJsonObject, ownProperty } from '../claims.js';

/** The part of a now.gg reply that all four endpoints have in common. */
type EnvelopeReading =
  | { readonly kind: 'success'; readonly body: Readonly<Record<string, unknown>> }
  /** A well-formed `success: false`. */
  | { readonly kind: 'refusal'; readonly code: string }
  | { readonly kind: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs: number | undefined };

type Reply = Extract<IdentityHttpOutcome, { status: 'reply' }>;

/**
 * Reads the envelope at any status below 500 except redirects and 429, because now.gg does not document the status of
 * its refusals. `success: true` with a code other than the expected one is an invalid response, not an acceptance.
 */
export function readEnvelope(reply: Reply, expectedCode: string): EnvelopeReading {
  const unknown = (reason: UnknownReason): EnvelopeReading => ({
    kind: 'unknown',
    reason,
    retryAfterMs: reply.retryAfterMs,
  });
  if (reply.statusCode >= 500) return unknown('server_error');
  if (reply.statusCode === 429) return unknown('rate_limited');
  if (reply.statusCode >= 300 && reply.statusCode < 400) return unknown('redirect');
  if (!isJsonObject(reply.json)) return unknown('invalid_response');
  const success = ownProperty(reply.json, 'success');
  const code = ownProperty(reply.json, 'code');
  if (typeof success !== 'boolean' || typeof code !== 'string' || code.length > 128) return unknown('invalid_response');
  if (!success) return { kind: 'refusal', code };
  return code === expectedCode ? { kind: 'success', body: reply.json } : unknown('invalid_response');
}
