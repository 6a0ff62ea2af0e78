import { Child } from '../support/child-process.js';
import { readSelection, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import type { Failure, IdentityOperations } from './identity-process.js';
import type { VerifierOperations } from './verifier-process.js';

interface Options {
  readonly seconds: number;
  readonly failures: readonly Failure[];
}

interface Load {
  readonly newcomers: number;
  readonly known: number;
  readonly calls: number;
}

const USAGE = `npm run bench:failing -- [options]

  --only NAME   one kind of failure: errors, silence
  --quick       short loads: whether it works, not what it gives`;
const FAILURES: readonly Failure[] = ['errors', 'silence'];
const NAMES: Readonly<Record<Failure, string>> = { errors: 'answer 500', silence: 'get no answer' };
const SHARES = [0.2, 0.35, 0.5, 0.7];
const NEWCOMERS_A_SECOND = 80;

await runProgram<Options>({
  usage: USAGE,
  limitMs: 600_000,
  readArguments: (args) => {
    const selection = readSelection(args, FAILURES);
    return selection === 'help' ? 'help' : { seconds: selection.isQuick ? 3 : 12, failures: selection.sections };
  },
  run: async ({ seconds, failures }) => {
    console.log(`${describeMachine()}; ${NEWCOMERS_A_SECOND} newcomers a second for ${seconds} s in each load\n`);
    const rows: string[][] = [];
    for (const failure of failures) for (const share of SHARES) rows.push(await measure(failure, share, seconds));
    const numbers = ['circuit', 'no circuit', 'known, circuit', 'known, no circuit', 'calls', 'calls, no circuit'];
    const columns = [
      { heading: 'calls that fail' },
      ...numbers.map((heading) => ({ heading, align: 'right' as const })),
    ];
    console.log(markdownTable(columns, rows));
  },
});

/** Measures both at the same time, each with an identity system of its own that fails in the same pattern. */
async function measure(failure: Failure, share: number, seconds: number): Promise<string[]> {
  const [on, off] = await Promise.all([load(true, failure, share, seconds), load(false, failure, share, seconds)]);
  const percent = (value: number) => `${(value * 100).toFixed(0)} %`;
  return [
    `${percent(share)} ${NAMES[failure]}`,
    percent(on.newcomers),
    percent(off.newcomers),
    percent(on.known),
    percent(off.known),
    String(on.calls),
    String(off.calls),
  ];
}

async function load(hasCircuit: boolean, failure: Failure, share: number, seconds: number): Promise<Load> {
  const identity = new Child<IdentityOperations>(new URL('./identity-process.js', import.meta.url));
  const verifier = new Child<VerifierOperations>(new URL('./verifier-process.js', import.meta.url));
  try {
    await verifier.call('start', await identity.call('start'), hasCircuit);
    const before = await identity.call('fail', share, failure);
    const served = await verifier.call('play', NEWCOMERS_A_SECOND, seconds);
    return { ...served, calls: (await identity.call('fail', 0, failure)) - before };
  } finally {
    await verifier.stop();
    await identity.stop();
  }
}
