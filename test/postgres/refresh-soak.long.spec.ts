import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedRequest } from 'nowgg-emulator';
import { audit, type GrantHistory } from '../soak/audit.js';
import { Campaign } from '../soak/campaign.js';
import { reasonOfLoss } from '../soak/final-check.js';
import { MODES, planEpisode } from '../soak/plan.js';
import { type LongFormState, nextPart, readState, totalsOfParts, writeState } from '../soak/long-form.js';
import { soakRefusals } from '../soak/refusals/refusal-campaign.js';
import { lastLine, totalsOf } from '../soak/report.js';
import { SoakDatabase } from '../soak/soak-database.js';
import { Team } from '../soak/team.js';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { startNowgg } from '../support/token-service/token-suite.js';

const issuing = (call: Partial<RecordedRequest> = {}): RecordedRequest => ({
  endpoint: 'token',
  at: 0,
  grantType: 'refresh_token',
  presented: 'refresh-1',
  userAgent: 'process',
  userId: 'player',
  issued: { token: 'access', refreshToken: 'refresh-2' },
  status: 200,
  ...call,
});
const undelivered = (): RecordedRequest => {
  const { status: _status, ...call } = issuing({ fault: 'reset' });
  return call;
};
const history = (facts: Partial<GrantHistory> = {}): GrantHistory => ({
  userId: 'player',
  mode: 'once',
  expiries: 1,
  calls: [issuing()],
  state: 'active',
  wasCalledDead: false,
  reasonOfLoss: undefined,
  ...facts,
});

describe("the soak's auditor", () => {
  const killed = new Set(['killed process']);

  it('has nothing to say about a grant that lives', () => {
    const nothing = { extraCalls: 0, lost: 0, lostBeyondPromise: 0, wronglyDead: 0, findings: [] };
    expect(audit([history()], killed)).toMatchObject({ grants: 1, expiries: 1, calls: 1, ...nothing });
  });

  it('finds a grant lost whose newest reply came whole to a process that lived on', () => {
    const found = audit([history({ reasonOfLoss: 'refused', state: 'needs_reauth' })], killed);
    expect(found).toMatchObject({ lost: 1, wronglyDead: 1, lostBeyondPromise: 0 });
    expect(found.findings[0]).toContain('once player: lost (refused), needs_reauth; process issued');
  });

  it.each([
    ['did not go out whole', undelivered()],
    ['was another text instead', issuing({ fault: 'body' })],
    ['came when no reply was accepted any more', issuing({ durationMs: 8_000 })],
    ['went to a process that was killed', issuing({ userAgent: 'killed process' })],
  ])('promises nothing where a refresh token works once when the newest reply %s', (_what, call) => {
    const facts = { reasonOfLoss: 'refused', state: 'needs_reauth', wasCalledDead: true, calls: [call] };
    expect(audit([history(facts)], killed)).toMatchObject({ lost: 0, wronglyDead: 0, lostBeyondPromise: 1 });
  });

  it.each(['never', 'grace'] as const)('takes no excuse where refresh tokens rotate: %s', (mode) => {
    const facts = { mode, reasonOfLoss: 'refused', calls: [undelivered()] };
    expect(audit([history(facts)], killed)).toMatchObject({ lost: 1, lostBeyondPromise: 0 });
  });

  it('finds a living grant wrongly dead when a caller was told so, whatever the row says now', () => {
    expect(audit([history({ wasCalledDead: true })], killed)).toMatchObject({ lost: 0, wronglyDead: 1 });
  });

  it('counts calls beyond one for each expiry, grant by grant', () => {
    const twice = history({ calls: [issuing(), issuing()] });
    const idle = history({ calls: [], expiries: 1 });
    expect(audit([twice, idle], killed)).toMatchObject({ calls: 2, extraCalls: 1 });
  });
});

describe("a soak's long form", () => {
  const wanted = { faults: 300, refusals: 100 };
  const part = (seed: number, ofModes: number, ofRefusals: number) => ({
    seed,
    ofModes,
    ofRefusals,
    faults: ofModes + ofRefusals,
    lost: 0,
    wronglyDead: 1,
    extraCalls: 2,
    findings: [],
    brokenPlans: 0,
    crashes: 0,
    tookMs: 1,
  });

  it('continues with the campaign of which less is done, and with other faults in each part', () => {
    const state: LongFormState = { seed: 7, parts: [part(7, 210, 0)] };
    const second = { faults: 0, refusals: 80, seed: 8 };
    expect(nextPart({ seed: 7, parts: [] }, [], wanted)).toEqual({ faults: 0, refusals: 80, seed: 7 });
    expect(nextPart(state, [], wanted)).toEqual(second);
    expect(nextPart(state, [second], wanted)).toEqual({ faults: 90, refusals: 0, seed: 9 });
    const done = { ...state, parts: [...state.parts, part(9, 90, 0), part(8, 0, 80), part(10, 0, 20)] };
    expect(nextPart(done, [], wanted)).toBeUndefined();
    expect(lastLine(totalsOfParts(done))).toBe('faults 400 lost 0 wrongly-dead 4 extra-calls 8');
  });

  it('does no part twice that was done beside one that was interrupted', () => {
    const state: LongFormState = { seed: 7, parts: [part(8, 210, 0)] };
    expect(nextPart(state, [], wanted)?.seed).toBe(7);
  });

  it('keeps its state in a file, and takes no other file for it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'soak-'));
    const file = path.join(folder, 'state.json');
    expect(await readState(file, 7)).toEqual({ seed: 7, parts: [] });
    const state: LongFormState = { seed: 9, parts: [part(9, 1, 2)] };
    await writeState(file, state);
    expect(await readState(file, 7)).toEqual(state);
    await writeState(file, { seed: 1 } as LongFormState);
    await expect(readState(file, 7)).rejects.toThrow('not one of a soak');
    await rm(folder, { recursive: true });
  });
});

describe('a soak', () => {
  let cluster: PostgresCluster;
  let database: SoakDatabase;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    database = await SoakDatabase.open(cluster.url);
  }, 60_000);
  afterAll(async () => {
    await database.close();
    await cluster.stop();
    removeCompiled();
  }, 30_000);

  it('leaves nothing behind in a database that it was given', async () => {
    const url = await cluster.createDatabase();
    const schemas = async () =>
      inDatabase(url, async (client) => {
        const { rows } = await client.query("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'nowgg%'");
        return rows.length;
      });
    const given = await SoakDatabase.open(url);
    expect(await schemas()).toBe(1);
    await given.close();
    expect(await schemas()).toBe(0);
  });

  it('plans the same faults for the same seed, and others for another', () => {
    const planned = (seed: number) => MODES.map((mode) => planEpisode(seed, mode, 1, 3));
    expect(planned(7)).toEqual(planned(7));
    expect(planned(7)).not.toEqual(planned(8));
  });

  it('of 4 faults with a system that takes a token once loses nothing that a living process had', async () => {
    const report = await Campaign.run('once', database, { faults: 4, seed: 3, teams: 1, until: Infinity });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ faults: 4, crashes: 0, lost: 0, wronglyDead: 0 });
    expect(lastLine(totalsOf([report], []))).toMatch(/^faults 4 lost 0 wrongly-dead 0 extra-calls \d+$/);
  }, 120_000);

  it('of 6 refusals that mean different things ends no grant that works', async () => {
    const report = await soakRefusals(database, { faults: 6, seed: 5, until: Infinity });
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ faults: 6, lost: 0, wronglyDead: 0 });
  }, 120_000);

  it('notices when now.gg has ended a refresh token and the vault does not know', async () => {
    await using nowgg = await startNowgg('once');
    const [one, other] = [await database.createGrant(nowgg), await database.createGrant(nowgg)];
    const team = await Team.start(1, database, nowgg.url);
    const [member] = await team.ready(new Set());
    if (!member) throw new Error('no process');
    await member.worker.do('refresh', { grantId: one.grantId });
    expect(nowgg.revokeIssued(nowgg.requests.at(-1)?.issued?.refreshToken ?? '')).toBe(true);
    expect(await reasonOfLoss(nowgg, one, member)).toBe('reauthentication_required');
    expect(await reasonOfLoss(nowgg, other, member)).toBeUndefined();
    await team.stop();
  }, 60_000);
});
