/** The four policies that a handler of each door has, by the name of the handler. */
export const HANDLERS = ['who', 'scoped', 'open', 'optional'] as const;
export type Handler = (typeof HANDLERS)[number];

export type Sent = 'nothing' | 'two' | 'malformed' | 'good' | 'expired' | 'revoked' | 'banned' | 'foreign' | 'silence';

/** One row of the table: what a caller sends, and the policy of what it calls. */
export interface Case {
  readonly name: string;
  readonly sent: Sent;
  readonly handler: Handler;
}

/** The identity system is silent from its row on: it is the last one. */
export const CASES: readonly Case[] = [
  { name: 'no token', sent: 'nothing', handler: 'who' },
  { name: 'two credentials', sent: 'two', handler: 'who' },
  { name: 'malformed', sent: 'malformed', handler: 'who' },
  { name: 'good', sent: 'good', handler: 'who' },
  { name: 'expired', sent: 'expired', handler: 'who' },
  { name: 'revoked', sent: 'revoked', handler: 'who' },
  { name: 'banned', sent: 'banned', handler: 'who' },
  { name: 'foreign', sent: 'foreign', handler: 'who' },
  { name: 'scope missing', sent: 'good', handler: 'scoped' },
  { name: 'public, no token', sent: 'nothing', handler: 'open' },
  { name: 'public, foreign', sent: 'foreign', handler: 'open' },
  { name: 'optional, no token', sent: 'nothing', handler: 'optional' },
  { name: 'optional, good', sent: 'good', handler: 'optional' },
  { name: 'optional, foreign', sent: 'foreign', handler: 'optional' },
  { name: 'unknown', sent: 'silence', handler: 'who' },
];

/** What a caller presents: one token or none, two at once, or a text that is not a token. */
export interface Credential {
  readonly token?: string;
  readonly second?: string;
  readonly isMalformed?: boolean;
}

/** What the caller got: the user id as which it was admitted, `anonymous`, or an `errorCode`; and the transport's code. */
export interface Reply {
  readonly outcome: string;
  readonly code: string;
}

/** A case that has no meaning at a door. */
export interface NotApplicable {
  readonly reason: string;
}

/** One way into an application that is guarded. */
export interface Door {
  ask(handler: Handler, credential: Credential): Promise<Reply | NotApplicable>;
  close(): Promise<unknown>;
}

/** `Bearer <token>` as a caller of this door writes it. */
export function bearerOf({ token, isMalformed }: Credential): string | undefined {
  if (isMalformed) return 'Bearer two words';
  return token === undefined ? undefined : `Bearer ${token}`;
}
