import { parseArgs } from 'node:util';
import { readCount, runProgram } from '../../bench/support/command-line.js';
import { markdownTable } from '../../bench/support/markdown-table.js';
import { DrillStage } from './drill-stage.js';
import type { FaultName } from './faults.js';
import { expectedMatrix, FAULT_NAMES } from './matrix.js';
import { type Drilled, hasHeld, playDrill, watchHealthy } from './run-drill.js';

const USAGE = `npm run drill -- [options]

Plays faults against the sample in two processes, read by a real Prometheus, and compares the alerts with
test/drills/matrix.json. The rules are those of ops/prometheus with every duration shorter by one factor.

  --only NAME     one fault; may be given several times: ${FAULT_NAMES.join(', ')}
  --factor N      by which durations are shorter (20)
  --healthy N     seconds without a fault before, in which no alert may fire (30); 3600 / factor is an hour
  --least N       seconds that a fault lasts at least (45)
  --longest N     seconds that alerts may take (120)

The exit code is 1 if the alerts differ, if one goes on, or if a secret is in a log or in the metrics.`;

interface Options {
  readonly faults: readonly FaultName[];
  readonly factor: number;
  readonly healthyS: number;
  readonly leastS: number;
  readonly longestS: number;
}

await runProgram<Options>({ usage: USAGE, readArguments, run });
// Sockets of players may still be open.
process.exit();

function readArguments(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      factor: { type: 'string', default: '20' },
      healthy: { type: 'string', default: '30' },
      least: { type: 'string', default: '45' },
      longest: { type: 'string', default: '120' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { only = FAULT_NAMES } = values;
  const faults = FAULT_NAMES.filter((name) => only.includes(name));
  if (faults.length < only.length) throw new Error(`--only must be one of ${FAULT_NAMES.join(', ')}`);
  return {
    faults,
    factor: readCount('factor', values.factor, 60),
    healthyS: readCount('healthy', values.healthy, 7_200),
    leastS: readCount('least', values.least, 3_600),
    longestS: readCount('longest', values.longest, 3_600),
  };
}

async function run({ faults, factor, healthyS, ...times }: Options): Promise<void> {
  const matrix = expectedMatrix();
  await using stage = await DrillStage.start(factor);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void stage[Symbol.asyncDispose]().finally(() => process.exit(1)));
  }
  const early = await watchHealthy(stage, healthyS);
  console.log(`${healthyS} s without a fault: ${early.join(', ') || 'no alert'}`);
  const drilled: Drilled[] = [];
  for (const fault of faults) {
    if (fault === 'PostgreSQL full' && !stage.disk) {
      console.log(`LEFT OUT: ${fault} needs the right to mount a disk in memory`);
      continue;
    }
    const shown = await playDrill(stage, fault, matrix[fault], times);
    console.log(lineOf(shown, hasHeld(shown, matrix[fault])));
    drilled.push(shown);
  }
  console.log(`\n${tableOf(drilled)}\n`);
  const leaks = await stage.leaks();
  console.log(`${stage.planted.count} planted credentials, found in logs and metrics: ${leaks.length}`);
  const differing = drilled.filter((each) => !hasHeld(each, matrix[each.fault]));
  console.log(`${drilled.length - differing.length} of ${drilled.length} faults as in the matrix`);
  if (early.length > 0 || leaks.length > 0 || differing.length > 0) process.exitCode = 1;
}

function lineOf({ fault, told, inhibited, unexpected, toldAfterS, overAfterS }: Drilled, isRight: boolean): string {
  const seconds = (value: number | undefined) => (value === undefined ? 'never' : `${value.toFixed(0)} s`);
  return [
    `${isRight ? 'as expected' : 'DIFFERS    '} ${fault}: ${told.join(', ') || 'nothing'}`,
    `inhibited: ${inhibited.join(', ') || 'none'}`,
    `unexpected: ${unexpected.join(', ') || 'none'}`,
    `complete after ${seconds(toldAfterS)}, over after ${seconds(overAfterS)}`,
  ].join('; ');
}

function tableOf(drilled: readonly Drilled[]): string {
  return markdownTable(
    [{ heading: 'fault' }, { heading: 'told' }, { heading: 'inhibited' }, { heading: 'over' }],
    drilled.map(({ fault, told, inhibited, overAfterS }) => [
      fault,
      told.join(', '),
      inhibited.join(', '),
      overAfterS === undefined ? 'no' : 'yes',
    ]),
  );
}
