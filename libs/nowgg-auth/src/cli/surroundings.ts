import type { Variables } from './environment.js';
import type { Terminal } from './progress.js';

/** What a command runs in. */
export interface Surroundings {
  readonly variables: Variables;
  readonly terminal: Terminal;
  /** A signal that aborts when the process is told to end; until it is asked for, that ends the process at once. */
  readonly interruption: () => AbortSignal;
}
