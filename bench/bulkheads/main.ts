import { setTimeout as pause } from 'node:timers/promises';
import { Child } from '../support/child-process.js';
import { readSelection, runProgram } from '../support/command-line.js';
import { describeMachine } from '../support/machine.js';
import { markdownTable } from '../support/markdown-table.js';
import { percentile } from '../support/statistics.js';
import { type Attack, attacks, newToken, type Send, sender } from './attacks.js';
import type { IdentityOperations } from './identity-process.js';
import type { ServerOperations } from './server-process.js';

interface Options {
  /** Length of each load, in seconds. */
  readonly seconds: number;
  readonly only: readonly Attack['id'][];
}

interface Load {
  readonly latencies: readonly number[];
  readonly refusals: number;
}

const USAGE = `npm run bench:bulkheads -- [options]

  --only NAME   one flood: texts, codes, userinfo
  --quick       short loads: whether it works, not what it costs`;
const CLIENT_ID = 'bench-game';
const NEWCOMERS_A_SECOND = 40;
/** Time from the start of an attack until newcomers are measured, in milliseconds. */
const LEAD_MS = 500;

await runProgram<Options>({
  usage: USAGE,
  readArguments: (args) => {
    const ids = attacks.map(({ id }) => id);
    const selection = readSelection(args, ids);
    if (selection === 'help') return 'help';
    return { seconds: selection.isQuick ? 4 : 15, only: selection.sections };
  },
  run: async ({ seconds, only }) => {
    console.log(`${describeMachine()}; ${NEWCOMERS_A_SECOND} newcomers a second for ${seconds} s in each load\n`);
    const rows: string[][] = [];
    for (const attack of attacks.filter(({ id }) => only.includes(id))) rows.push(await measure(attack, seconds));
    const numbers = ['control p50', 'p50', 'control p99', 'p99', 'p99 ratio', 'control 503', '503', 'calls'];
    const columns = [{ heading: 'under attack' }, ...numbers.map((heading) => ({ heading, align: 'right' as const }))];
    console.log(markdownTable(columns, rows));
  },
});

/** Measures the same load without and with the attack, against separate processes. */
async function measure(attack: Attack, seconds: number): Promise<string[]> {
  const identity = new Child<IdentityOperations>(new URL('./identity-process.js', import.meta.url));
  const server = new Child<ServerOperations>(new URL('./server-process.js', import.meta.url));
  try {
    const baseUrl = await identity.call('start');
    const send = sender(await server.call('start', { baseUrl, clientId: CLIENT_ID }));
    await newcomers(send, 1);
    const control = await newcomers(send, seconds);
    let isOver = false;
    attack.begin(send, CLIENT_ID, () => isOver);
    await pause(LEAD_MS);
    const attacked = await newcomers(send, seconds);
    isOver = true;
    const calls = await identity.call('calls');
    return [attack.name, ...figures(control, attacked), `${calls.token ?? 0} token, ${calls.userinfo ?? 0} userinfo`];
  } finally {
    await server.stop();
    await identity.stop();
  }
}

function figures(control: Load, attacked: Load): string[] {
  const ms = (load: Load, hundredths: number) => percentile(load.latencies, hundredths);
  const text = (value: number) => value.toFixed(1);
  return [
    text(ms(control, 50)),
    text(ms(attacked, 50)),
    text(ms(control, 99)),
    text(ms(attacked, 99)),
    (ms(attacked, 99) / ms(control, 99)).toFixed(2),
    String(control.refusals),
    String(attacked.refusals),
  ];
}

/** Players with tokens that were never seen, at a steady pace regardless of the answers. */
async function newcomers(send: Send, seconds: number): Promise<Load> {
  const latencies: number[] = [];
  let refusals = 0;
  const visits: Promise<void>[] = [];
  const visit = async () => {
    const token = newToken(CLIENT_ID);
    const startedAt = performance.now();
    const status = await send('/play', { token });
    latencies.push(performance.now() - startedAt);
    if (status !== 200) refusals += 1;
  };
  for (let n = 0; n < seconds * NEWCOMERS_A_SECOND; n += 1) {
    visits.push(visit());
    await pause(1_000 / NEWCOMERS_A_SECOND);
  }
  await Promise.all(visits);
  return { latencies, refusals };
}
