import type { NowggClock } from '../../clock.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import type { ClientCircuits } from './client-circuits.js';

/** Number of times that a call that was certainly not sent is tried again. */
const RESENDS = 2;

/** The purpose of a call to a token endpoint. */
export type TokenCallPurpose = 'code' | 'refresh';

/** The key of a client's circuit for this purpose: the outcome of codes says nothing about refreshes. */
export function circuitKey(purpose: TokenCallPurpose, clientKey: string): string {
  return `${purpose}:${clientKey}`;
}

export interface TokenCall {
  readonly purpose: TokenCallPurpose;
  readonly clientKey: string;
  readonly send: () => Promise<TokenOutcome>;
  /** Longest pause before a resend, in milliseconds. */
  readonly resendMs: number;
  /** Whether the same request may be sent once more when the outcome of the first is unknown. */
  readonly replays: boolean;
  /**
   * Whether the caller still holds the lease, with enough time for another try. Checked again after each pause, because
   * a process may have been frozen in it.
   */
  readonly mayRepeat: () => boolean;
}

/** The final outcome of a call, and whether an earlier try of the same call is in doubt. */
export interface TokenCallResult {
  readonly outcome: TokenOutcome;
  readonly earlierInDoubt: boolean;
}

/** Calls a token endpoint: a call that was not sent is sent again twice, a call in doubt is replayed once. */
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

/** A provider reports by value. One that throws may still have sent the request, and its error is not passed on. */
async function sent(call: TokenCall): Promise<TokenOutcome> {
  try {
    return await call.send();
  } catch {
    return { status: 'in_doubt', reason: 'invalid_response' };
  }
}
