import { LAST_HANDLE_VERSION } from './session-handle.js';

/** What the use of a genuine handle does. */
export interface HandleStep {
  /** The version of the handle to use from now on. */
  readonly version: number;
  /** Whether the store has to learn of this version. */
  readonly advances: boolean;
}

/**
 * Decides about the use of a handle by its version and that of the newest one that was handed out. Each handle has one
 * successor, whichever holder uses it, and however often:
 *
 * - The newest one hands out the next.
 * - The one before it gets the newest one. So a front end whose answer was lost, which stopped before it stored the
 *   answer, whose storage came back one step older, or which never stores a new handle lives on.
 * - An older one is superseded: another holder of the session has used two handles since.
 * - One that is newer than the store knows is as good as the newest: the database lost the last commits in a failover.
 *
 * @returns undefined when the handle is superseded
 */
export function stepOf(presented: number, newest: number): HandleStep | undefined {
  if (presented < newest - 1) return undefined;
  if (presented < newest) return { version: newest, advances: false };
  if (presented >= LAST_HANDLE_VERSION) return { version: presented, advances: false };
  return { version: presented + 1, advances: true };
}
