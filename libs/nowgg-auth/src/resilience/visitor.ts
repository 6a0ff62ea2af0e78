/** A visitor of a `Bulkhead`. */
export interface Visitor {
  /** Visitors of one name share a limit. Undefined: not limited. */
  readonly name?: string | undefined;
  /** Whether it may take the reserved places. */
  readonly reserved?: boolean;
  /** Whether it gives way to all others: it never waits, and does not enter while another visitor waits. */
  readonly yields?: boolean;
  /** Whether every caller that waits for its work has gone. Asked before it enters after a wait. */
  readonly isGone?: (() => boolean) | undefined;
}

/** Releases the place. Must be called exactly once. */
export type Leave = () => void;
