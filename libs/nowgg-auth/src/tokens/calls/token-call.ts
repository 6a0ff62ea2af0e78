import type { NowggClock } from '../../clock.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import type { ClientCircuits } from './client-circuits.js';

/** How often a call that certainly was not sent is tried again. */
const RESENDS = 2;

/** What a call to a token endpoint is for. */
export type TokenCallPurpose = 'code' | 'refresh';

/** Under which a client's circuit for this purpose is kept: what codes meet says nothing about refreshes. */
export function circuitKey(purpose: TokenCallPurpose, clientKey: string): string {
  return `${purpose}:${clientKey}`;
}

export interface TokenCall {
  readonly purpose: TokenCallPurpose;
  readonly clientKey: string;
  readonly send: () => Promise<TokenOutcome>;
  /** Longest pause before a resend, milliseconds. */
  readonly resendMs: number;
  /** Whether the same request may be sent once more when nobody knows what became of the first. */
  readonly replays: boolean;
  /**
   * Whether it is still the caller's turn, with time enough for another try. Asked again after each pause, because a
   * process may have been frozen in it.
   */
  readonly mayRepeat: () => boolean;
}

/** What came of it in the end, and whether an earlier try of this same call is in doubt. */
export interface TokenCallResult {
  readonly outcome: TokenOutcome;
  readonly earlierInDoubt: boolean;
}

/** Calls a token endpoint: what was not sent is sent again twice, what is in doubt is replayed once. */
export async function callTokenEndpoint(
  call: TokenCall,
  circuits: ClientCircuits,
  clock: NowggClock,
): Promise<TokenCallResult> {
  let earlierInDoubt = false;
  for (let resends = 0; ; ) {
    const outcome = await sent(call);
    circuits.report(circuitKey(call.purpose, call.clientKey), outcome);
    const resend = outcome.status === 'not_sent' && resends < RESENDS;
    const replay: boolean = outcome.status === 'in_doubt' && call.replays && !earlierInDoubt;
    if (!(resend || replay) || !call.mayRepeat()) return { outcome, earlierInDoubt };
    if (resend) resends += 1;
    await clock.wait(Math.random() * call.resendMs * 2 ** resends);
    if (!call.mayRepeat()) return { outcome, earlierInDoubt };
    earlierInDoubt ||= replay;
  }
}

/** A provider reports by value. One that throws all the same may have sent the request, and its error is not for us. */
async function sent(call: TokenCall): Promise<TokenOutcome> {
  try {
    return await call.send();
  } catch {
    return { status: 'in_doubt', reason: 'invalid_response' };
  }
}
