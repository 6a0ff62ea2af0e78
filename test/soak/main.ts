import 'reflect-metadata';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { runProgram } from '../../bench/support/command-line.js';
import { type BansReport, soakBans } from './bans/ban-campaign.js';
import { readArguments, type SoakOptions, USAGE } from './arguments.js';
import { Campaign, type ModeReport } from './campaign.js';
import { MODES } from './plan.js';
import { brokenPromises, faultsTable, lastLine, roundsTable, totalsOf } from './report.js';
import { type RoundsReport, runRounds } from './rounds.js';
import { SoakDatabase } from './soak-database.js';

/** Nothing new begins after this, so that a run ends within ten minutes. */
const LAST_START_MS = 540_000;
/** Beyond this the run ends by itself, whatever hangs. */
const LONGEST_RUN_MS = 595_000;
const TEAMS_FOR_EACH_MODE = 2;

async function run({ faults, rounds, bans, seed }: SoakOptions): Promise<void> {
  const until = performance.now() + LAST_START_MS;
  const limit = setTimeout(() => {
    console.error('the soak did not end in time');
    process.exit(1);
  }, LONGEST_RUN_MS);
  const database = await SoakDatabase.open(process.env.DATABASE_URL);
  try {
    const roundReports = rounds === 0 ? [] : await runRounds(MODES, rounds, database, until);
    if (rounds > 0) console.log(`Nothing goes wrong\n\n${roundsTable(roundReports)}\n`);
    const modeReports = faults === 0 ? [] : await soak(database, { faults, seed, until });
    if (faults > 0) console.log(`Faults, seed ${seed}\n\n${faultsTable(modeReports)}\n`);
    const banReport = await soakBans(database, { runs: bans, seed: seed * 100_000, until });
    for (const finding of banReport.findings) console.log(finding);
    if (bans > 0) console.log(`Bans: ${banReport.runs} runs, ${banReport.findings.length} promises broken\n`);
    conclude(modeReports, roundReports, banReport, { faults, rounds, bans });
  } finally {
    clearTimeout(limit);
    await database.close();
    removeCompiled();
  }
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

function conclude(
  modes: readonly ModeReport[],
  rounds: readonly RoundsReport[],
  bans: BansReport,
  wanted: { readonly faults: number; readonly rounds: number; readonly bans: number },
): void {
  const totals = totalsOf(modes, rounds);
  const broken = brokenPromises(totals, modes, rounds);
  if (bans.findings.length > 0) broken.push('a ban or sign-out was raced or outlived');
  if (
    bans.runs < wanted.bans ||
    totals.faults < wanted.faults ||
    rounds.some((report) => report.rounds < wanted.rounds)
  ) {
    broken.push('not everything could be done in time');
  }
  for (const finding of modes.flatMap(({ findings }) => findings)) console.log(finding);
  for (const promise of broken) console.log(`FAILED: ${promise}`);
  console.log(lastLine(totals));
  if (broken.length > 0) process.exitCode = 1;
}

await runProgram({ usage: USAGE, readArguments, run });
