import { parseArgs } from 'node:util';

/** A program of the benchmarks: its command line, and its work. */
export interface Program<Options> {
  readonly usage: string;
  /** @throws Error that says what is wrong with the command line */
  readonly readArguments: (args: readonly string[]) => Options | 'help';
  readonly run: (options: Options) => Promise<void>;
  /** Time limit of the run, in milliseconds: the program then ends, whatever hangs. Default: none. */
  readonly limitMs?: number;
}

/** Runs a program with this process's arguments. A failure is one line, and the exit code 1. */
export async function runProgram<Options>(program: Program<Options>): Promise<void> {
  const { usage, readArguments, run, limitMs } = program;
  const late = () => {
    console.error('the program did not end in time');
    process.exit(1);
  };
  if (limitMs !== undefined) setTimeout(late, limitMs).unref();
  try {
    const options = readArguments(process.argv.slice(2));
    if (options === 'help') console.log(usage);
    else await run(options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

/** Reads a number from the command line. @throws Error that names the option */
export function readCount(option: string, text: string, most: number): number {
  const count = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= most) return count;
  throw new Error(`--${option} must be a whole number from 1 to ${most}`);
}

/** Reads `--rounds N` and `--help`. @throws Error that says what is wrong with the command line */
export function readRounds(args: readonly string[], usual: number, most: number): number | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: String(usual) }, help: { type: 'boolean', default: false } },
  });
  return values.help ? 'help' : readCount('rounds', values.rounds, most);
}

/** The part of a benchmark that its command line selects. */
export interface Selection<Section extends string> {
  /** The part that `--only` names; all parts without it. */
  readonly sections: readonly Section[];
  readonly isQuick: boolean;
}

/** Reads `--only NAME`, `--quick` and `--help`. @throws Error that says what is wrong with the command line */
export function readSelection<Section extends string>(
  args: readonly string[],
  sections: readonly Section[],
): Selection<Section> | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  return { sections: sectionsFor(sections, values.only), isQuick: values.quick };
}

/** The part that `--only` names; all parts without it. @throws Error that lists them */
export function sectionsFor<Section extends string>(
  sections: readonly Section[],
  only: string | undefined,
): readonly Section[] {
  if (only === undefined) return sections;
  const section = sections.find((name) => name === only);
  if (!section) throw new Error(`--only must be one of ${sections.join(', ')}`);
  return [section];
}
