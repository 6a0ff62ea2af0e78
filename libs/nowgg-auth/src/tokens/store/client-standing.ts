/** A client and the secret that it is called with. A refusal under one secret says nothing about another one. */
export interface ClientSecret {
  readonly clientKey: string;
  /** Fingerprint of the secret. */
  readonly secret: string;
}

/** Results of calls with one secret that a process has seen and not stored yet. */
export interface ClientOutcomes extends ClientSecret {
  /** Unique for each process. */
  readonly process: string;
  /** Time at which the newest successful request was sent, in epoch milliseconds of the store's clock. */
  readonly succeededAtMs: number | undefined;
  /** Number of refused refresh tokens since that success; without one, since the last report. */
  readonly refusals: number;
  /** Number of refreshes that succeeded at the first attempt for their generation. */
  readonly firstSuccesses: number;
  /** Number of refreshes that were refused at the first attempt for their generation. */
  readonly firstRefusals: number;
}

/** What all processes together know about a client secret. Times are epoch milliseconds of the store's clock. */
export interface ClientStanding {
  readonly readAtMs: number;
  /** Time at which the newest successful request with this secret was sent. */
  readonly succeededAtMs: number | undefined;
  /** The same for every other secret of the client. */
  readonly otherSucceededAtMs: number | undefined;
  /** Number of refused refresh tokens since that success. */
  readonly refusals: number;
  /** Time of the first success after a period without one. */
  readonly recoveredAtMs: number | undefined;
  /** Sums over the last minute; see {@link ClientOutcomes}. */
  readonly firstSuccesses: number;
  readonly firstRefusals: number;
}

/** Number of refusals without a success from which on the secret of the client is in doubt. */
export const REFUSALS_OF_DOUBT = 3;

/** Time over which first attempts are counted, in milliseconds, and into how many parts it is divided. */
export const COUNTED_MS = 60_000;
export const COUNTED_PARTS = 6;

const FEWEST_FIRST_REFUSALS = 5;
const LARGEST_SHARE = 0.2;

/**
 * Whether the secret may be wrong, or the identity system refuses everything: only designated attempts are made then.
 * So it is after three refusals without a success, and while another secret of the client works and this one has not.
 */
export function isInDoubt(standing: ClientStanding): boolean {
  const recent = standing.readAtMs - COUNTED_MS;
  const works = (standing.succeededAtMs ?? Number.NEGATIVE_INFINITY) > recent;
  const otherWorks = (standing.otherSucceededAtMs ?? Number.NEGATIVE_INFINITY) > recent;
  return standing.refusals >= REFUSALS_OF_DOUBT || (!works && otherWorks);
}

/**
 * Whether more refresh tokens were refused within the last minute than players lose in normal operation: then the
 * identity system is at fault and no grant ends.
 */
export function areTooManyRefused({ firstRefusals, firstSuccesses }: ClientStanding): boolean {
  return firstRefusals >= FEWEST_FIRST_REFUSALS && firstRefusals > LARGEST_SHARE * (firstRefusals + firstSuccesses);
}
