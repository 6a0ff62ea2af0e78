import { EventChannel } from './event-channel.js';

/**
 * A call to an identity system: one HTTP request with its reply, or without one. Contains no address, token, secret or
 * player data.
 */
export interface NowggCallEvent {
  /** Name of the identity provider. */
  readonly provider: string;
  /** Kind of call: `verify`, `code`, `refresh`, `account`, `application`, `metadata`, `revocation` or `other`. */
  readonly operation: string;
  /** Class of the status, such as `2xx`; `429` by itself; `none` without a complete reply. */
  readonly status: '2xx' | '3xx' | '4xx' | '429' | '5xx' | 'none';
  /** Why there was no complete reply, as a code such as `ENOTFOUND`, `ECONNREFUSED` or `timeout`. */
  readonly cause?: string | undefined;
  /** Time from the request to the whole reply, in milliseconds. */
  readonly durationMs: number;
  /** Length of the reply's body. */
  readonly bytes: number;
}

/** Name of the `node:diagnostics_channel` on which {@link NowggCallEvent} objects are published. */
export const NOWGG_CALL_CHANNEL = 'nestjs-nowgg-auth:calls';

export const callChannel = new EventChannel<NowggCallEvent>(NOWGG_CALL_CHANNEL);
