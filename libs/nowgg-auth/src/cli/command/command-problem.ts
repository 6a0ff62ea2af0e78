/** The reason why a command was not carried out. The message contains no foreign text: no URL, key, token or user. */
export class CommandProblem extends Error {
  /** 1: the command failed. 2: the arguments or the environment do not allow the command. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'CommandProblem';
    this.exitCode = exitCode;
  }
}

/** A problem that the operator solves by changing the command line or the environment. */
export function usageProblem(message: string): CommandProblem {
  return new CommandProblem(message, 2);
}
