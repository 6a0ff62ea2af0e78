/** The result of a command: for a program, and for a person. */
export interface CommandResult {
  readonly exitCode: 0 | 1 | 2;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly text: string;
}
