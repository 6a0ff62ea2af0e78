/** Why a command was not carried out. The message is ours from end to end: no URL, key, token or user in it. */
export class CommandProblem extends Error {
  /** 1: it failed. 2: it was not asked for in a way that can be carried out. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'CommandProblem';
    this.exitCode = exitCode;
  }
}

/** The command line or the environment has to be changed. */
export function usageProblem(message: string): CommandProblem {
  return new CommandProblem(message, 2);
}
