import type { ExpiryFormat } from '../options.js';

/** The answer of an endpoint: an HTTP status and the vendor's envelope. */
export interface Reply {
  readonly status: number;
  readonly body: { readonly success: boolean; readonly code: string; readonly msg?: string } & Readonly<
    Record<string, unknown>
  >;
  readonly headers?: Readonly<Record<string, string>>;
}

export function succeed(code: string, payload: Readonly<Record<string, unknown>>): Reply {
  return { status: 200, body: { success: true, code, ...payload } };
}

/** The account system's refusal of a well-formed request. */
export function refuse(status: number, code: string, msg: string): Reply {
  return { status, body: { success: false, code, msg } };
}

/** The answer to a request that no now.gg client should send; its `msg` says what is wrong with it. */
export function refuseRequest(msg: string, status = 400, headers?: Readonly<Record<string, string>>): Reply {
  return { status, body: { success: false, code: 'INVALID_REQUEST', msg }, ...(headers && { headers }) };
}

/** Writes an expiry time in the configured format. */
export function formatExpiry(epochMs: number, format: ExpiryFormat): string {
  switch (format) {
    case 'iso':
      return new Date(epochMs).toISOString();
    case 'rfc':
      return new Date(epochMs).toUTCString();
    case 'seconds':
      return String(Math.floor(epochMs / 1000));
    case 'milliseconds':
      return String(epochMs);
  }
}
