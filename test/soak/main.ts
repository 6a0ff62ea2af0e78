import 'reflect-metadata';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { runProgram } from '../../bench/support/command-line.js';
import { type BansReport, soakBans } from './bans/ban-campaign.js';
import { readArguments, type SoakOptions, USAGE } from './arguments.js';
import { Campaign, type ModeReport } from './campaign.js';
import { MODES } from './plan.js';
import { type DonePart, nextPart, type Part, readState, totalsOfParts, writeState } from './long-form.js';
import { type RefusalsReport, soakRefusals } from './refusals/refusal-campaign.js';
import { brokenPromises, faultsTable, lastLine, refusalsTable, roundsTable, totalsOf } from './report.js';
import { type RoundsReport, runRounds } from './rounds.js';
import { SoakDatabase } from './soak-database.js';
import { startPostgresCluster } from '../support/servers/postgres-cluster.js';

/** Nothing new begins after this, so that a run ends within ten minutes. */
const LAST_START_MS = 540_000;
/** Beyond this the run ends by itself, whatever hangs. */
const LONGEST_RUN_MS = 595_000;
const TEAMS_FOR_EACH_MODE = 2;

async function run(options: SoakOptions): Promise<void> {
  const given = process.env.DATABASE_URL;
  const cluster = given === undefined ? await startPostgresCluster() : undefined;
  const url = given ?? cluster?.url ?? '';
  try {
    await (options.state === undefined ? runOnce(options, url) : runInParts(options, options.state, url));
  } finally {
    await cluster?.stop();
    removeCompiled();
  }
}

async function runOnce({ faults, refusals, rounds, bans, seed }: SoakOptions, url: string): Promise<void> {
  const database = await SoakDatabase.open(url);
  const until = performance.now() + LAST_START_MS;
  const limit = setTimeout(() => {
    console.error('the soak did not end in time');
    process.exit(1);
  }, LONGEST_RUN_MS);
  try {
    const roundReports = rounds === 0 ? [] : await runRounds(MODES, rounds, database, until);
    if (rounds > 0) console.log(`Nothing goes wrong\n\n${roundsTable(roundReports)}\n`);
    const { modes, ofRefusals } = await runFaults({ faults, refusals, seed, until }, database);
    const banReport = await soakBans(database, { runs: bans, seed: seed * 100_000, until });
    for (const finding of banReport.findings) console.log(finding);
    if (bans > 0) console.log(`Bans: ${banReport.runs} runs, ${banReport.findings.length} promises broken\n`);
    conclude(
      { modes, rounds: roundReports, refusals: ofRefusals, bans: banReport },
      { faults, refusals, rounds, bans },
    );
  } finally {
    clearTimeout(limit);
    await database.close();
  }
}

/** The long form: parts until all faults are done, or Ctrl-C or a finding ends it after the current parts. */
async function runInParts(options: SoakOptions, file: string, url: string): Promise<void> {
  let state = await readState(file, options.seed);
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  const underway: Part[] = [];
  const take = () => {
    const part = interruption.signal.aborted ? undefined : nextPart(state, underway, options);
    if (part) underway.push(part);
    return part;
  };
  const done = async (part: Part, result: DonePart) => {
    underway.splice(underway.indexOf(part), 1);
    state = { ...state, parts: [...state.parts, result] };
    await writeState(file, state);
    console.log(`So far, ${new Date().toISOString()}: ${lastLine(totalsOfParts(state))}\n`);
    for (const finding of result.findings) console.log(finding);
    if (result.findings.length > 0) interruption.abort();
  };
  const lanes = Array.from({ length: options.parallel }, async () => {
    const database = await SoakDatabase.open(url);
    for (let part = take(); part; part = take()) await done(part, await runPart(part, database));
    await database.close();
  });
  await Promise.all(lanes);
  for (const finding of state.parts.flatMap(({ findings }) => findings)) console.log(finding);
  const totals = totalsOfParts(state);
  const hours = state.parts.reduce((sum, { tookMs }) => sum + tookMs, 0) / 3_600_000;
  console.log(`${state.parts.length} parts, seeds from ${state.seed}, ${hours.toFixed(2)} hours one after the other`);
  console.log(lastLine(totals));
  if (totals.lost + totals.wronglyDead > 0) process.exitCode = 1;
}

async function runPart(part: Part, database: SoakDatabase): Promise<DonePart> {
  const startedAt = performance.now();
  const { modes, ofRefusals } = await runFaults({ ...part, until: Number.POSITIVE_INFINITY }, database);
  return {
    seed: part.seed,
    ofModes: modes.reduce((sum, report) => sum + report.faults, 0),
    ofRefusals: ofRefusals.reduce((sum, report) => sum + report.faults, 0),
    ...totalsOf(modes, [], ofRefusals),
    findings: [...modes, ...ofRefusals].flatMap((report) => report.findings),
    brokenPlans: ofRefusals.reduce((sum, report) => sum + report.brokenPlans.length, 0),
    crashes: modes.reduce((sum, report) => sum + report.crashes, 0),
    tookMs: Math.round(performance.now() - startedAt),
  };
}

interface FaultsToRun {
  readonly faults: number;
  readonly refusals: number;
  readonly seed: number;
  readonly until: number;
}

async function runFaults(
  { faults, refusals, seed, until }: FaultsToRun,
  database: SoakDatabase,
): Promise<{ modes: ModeReport[]; ofRefusals: RefusalsReport[] }> {
  const modes = faults === 0 ? [] : await soak(database, { faults, seed, until });
  if (faults > 0) console.log(`Faults, seed ${seed}\n\n${faultsTable(modes)}\n`);
  const ofRefusals = refusals === 0 ? [] : [await soakRefusals(database, { faults: refusals, seed, until })];
  if (refusals > 0) console.log(`Refusals, seed ${seed}\n\n${refusalsTable(ofRefusals)}\n`);
  for (const plan of ofRefusals.flatMap(({ brokenPlans }) => brokenPlans)) console.log(plan);
  return { modes, ofRefusals };
}

async function soak(
  database: SoakDatabase,
  { faults, seed, until }: { faults: number; seed: number; until: number },
): Promise<ModeReport[]> {
  const campaigns = MODES.map((mode, index) => {
    const share = Math.floor(faults / MODES.length) + (index < faults % MODES.length ? 1 : 0);
    return Campaign.run(mode, database, { faults: share, seed, teams: TEAMS_FOR_EACH_MODE, until });
  });
  return Promise.all(campaigns);
}

interface Reports {
  readonly modes: readonly ModeReport[];
  readonly rounds: readonly RoundsReport[];
  readonly refusals: readonly RefusalsReport[];
  readonly bans: BansReport;
}

function conclude(
  { modes, rounds, refusals, bans }: Reports,
  wanted: Omit<SoakOptions, 'seed' | 'state' | 'parallel'>,
): void {
  const totals = totalsOf(modes, rounds, refusals);
  const broken = brokenPromises(totals, modes, rounds);
  if (bans.findings.length > 0) broken.push('a ban or sign-out was raced or outlived');
  if (
    bans.runs < wanted.bans ||
    totals.faults < wanted.faults + wanted.refusals ||
    rounds.some((report) => report.rounds < wanted.rounds)
  ) {
    broken.push('not everything could be done in time');
  }
  for (const finding of [...modes, ...refusals].flatMap(({ findings }) => findings)) console.log(finding);
  for (const promise of broken) console.log(`FAILED: ${promise}`);
  console.log(lastLine(totals));
  if (broken.length > 0) process.exitCode = 1;
}

await runProgram({ usage: USAGE, readArguments, run });
