import type { Variables } from './environment.js';
import type { Terminal } from './progress.js';

/** The environment in which a command runs. */
export interface Surroundings {
  readonly variables: Variables;
  readonly terminal: Terminal;
  /**
   * Returns a signal that aborts when the process is told to end. Before the first call, such a request ends the
   * process at once.
   */
  readonly interruption: () => AbortSignal;
}
