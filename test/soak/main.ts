import 'reflect-metadata';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { runProgram } from '../../bench/support/command-line.js';
import { type BansReport, soakBans } from './bans/ban-campaign.js';
import { readArguments, type SoakOptions, USAGE } from './arguments.js';
import { Campaign, type ModeReport } from './campaign.js';
import { MODES } from './plan.js';
import { nextPart, readState, totalsOfParts, writeState } from './long-form.js';
import { type RefusalsReport, soakRefusals } from './refusals/refusal-campaign.js';
import { brokenPromises, faultsTable, lastLine, refusalsTable, roundsTable, totalsOf } from './report.js';
import { type RoundsReport, runRounds } from './rounds.js';
import { SoakDatabase } from './soak-database.js';

/** Nothing new begins after this, so that a run ends within ten minutes. */
const LAST_START_MS = 540_000;
/** Beyond this the run ends by itself, whatever hangs. */
const LONGEST_RUN_MS = 595_000;
const TEAMS_FOR_EACH_MODE = 2;

async function run(options: SoakOptions): Promise<void> {
  const database = await SoakDatabase.open(process.env.DATABASE_URL);
  try {
    await (options.state === undefined ? runOnce(options, database) : runInParts(options, options.state, database));
  } finally {
    await database.close();
    removeCompiled();
  }
}

async function runOnce({ faults, refusals, rounds, bans, seed }: SoakOptions, database: SoakDatabase): Promise<void> {
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
  }
}

/** The long form: part after part until all faults are done, or Ctrl-C ends it after the current part. */
async function runInParts(options: SoakOptions, file: string, database: SoakDatabase): Promise<void> {
  let state = await readState(file, options.seed);
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  const next = () => (interruption.signal.aborted ? undefined : nextPart(state, options));
  for (let part = next(); part; part = next()) {
    const { modes, ofRefusals } = await runFaults({ ...part, until: Number.POSITIVE_INFINITY }, database);
    const findings = [...modes, ...ofRefusals].flatMap((report) => report.findings);
    const totals = totalsOf(modes, [], ofRefusals);
    const counts = {
      ofModes: modes.reduce((sum, report) => sum + report.faults, 0),
      ofRefusals: ofRefusals.reduce((sum, report) => sum + report.faults, 0),
    };
    state = { ...state, parts: [...state.parts, { seed: part.seed, ...counts, ...totals, findings }] };
    await writeState(file, state);
    console.log(`So far: ${lastLine(totalsOfParts(state))}\n`);
  }
  for (const finding of state.parts.flatMap(({ findings }) => findings)) console.log(finding);
  const totals = totalsOfParts(state);
  console.log(lastLine(totals));
  if (totals.lost + totals.wronglyDead > 0) process.exitCode = 1;
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

function conclude({ modes, rounds, refusals, bans }: Reports, wanted: Omit<SoakOptions, 'seed' | 'state'>): void {
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
