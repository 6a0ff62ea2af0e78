import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { ProvingKey } from '../../libs/nowgg-auth/src/testing-support/proving-key.js';
import { RING } from '../support/token-service/token-service.js';
import { refusal, TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

const MINUTE = 60_000;
/** No lease lapses and no caller gives up on a busy machine. */
const PATIENT = {
  leaseMs: 60_000,
  softDeadlineMs: 60_000,
  lateReplyMs: 60_000,
  sessions: { binding: 'offered', publicUrl: 'https://api.game.example' },
} as const;

describe('8 processes and one grant', () => {
  let suite: TokenSuite;
  let workers: TokenWorker[];

  beforeAll(async () => {
    suite = await TokenSuite.start();
    const skews = [0, 5 * MINUTE, -5 * MINUTE, 0, 5 * MINUTE, -5 * MINUTE, 0, 0];
    const started = await Promise.all(skews.map((skewMs) => suite.workers(1, { skewMs, durations: PATIENT })));
    workers = started.flat();
  }, 90_000);
  afterAll(() => suite.stop(), 30_000);

  const worker = (index: number) => workers[index] as TokenWorker;
  const allProcesses = async (op: 'getAccessToken' | 'refresh' | 'openSession', args: object, callers: number) => {
    const answers = await Promise.all(workers.map((process) => process.do(op, { ...args, callers })));
    return [...new Set(answers.flat().map((answer) => JSON.stringify(answer)))];
  };

  describe.each(['never', 'grace', 'once'] as const)('with refresh tokens that rotate: %s', (rotation) => {
    it('refresh an expired token with one call for 200 callers each, clocks five minutes apart', async () => {
      suite.startOver(rotation);
      for (let round = 1; round <= 5; round += 1) {
        const grantId = await suite.signInLongAgo();
        const calls = suite.refreshes;
        const answers = await allProcesses('getAccessToken', { grantId }, 200);
        expect(answers).toHaveLength(1);
        expect(answers[0]).toContain('"generation":2');
        expect(suite.refreshes - calls).toBe(1);
        expect((await suite.grant(grantId)).generation).toBe(2);
      }
    }, 60_000);

    it('make one call for 100 callers who saw a 401 with the same generation', async () => {
      suite.startOver(rotation);
      const grantId = await suite.signIn();
      const answers = await allProcesses('refresh', { grantId, options: { ifGeneration: 1 } }, 13);
      expect(answers).toHaveLength(1);
      expect(suite.refreshes).toBe(1);
    }, 60_000);
  });

  it('take one step of a session handle for 50 callers each, and lose none while they refresh', async () => {
    suite.startOver('once');
    const { grant, session } = await suite.service.exchangeCode(suite.code('player-of-a-handle'));
    let handle = session;
    for (let step = 1; step <= 10; step += 1) {
      const options = { ifGeneration: step };
      const [answers, refreshed] = await Promise.all([
        allProcesses('openSession', { handle }, 50),
        allProcesses('refresh', { grantId: grant.id, options }, 2),
      ]);
      expect([answers, refreshed]).toEqual([[expect.stringContaining('"value"')], [expect.any(String)]]);
      handle = (JSON.parse(answers[0] as string) as { value: string }).value;
      expect(await suite.grant(grant.id)).toMatchObject({ handleVersion: step + 1, generation: step + 1 });
    }
    expect(await allProcesses('openSession', { handle: session }, 50)).toEqual(['{"error":"session_superseded"}']);
    expect(await suite.grant(grant.id)).toMatchObject({ handleVersion: 11, sessionVersion: 1, state: 'active' });
  }, 60_000);

  it('use the proof of a session key once for 10 callers each, and bind a session to one key, clocks five minutes apart', async () => {
    suite.startOver('never');
    const key = new ProvingKey();
    const shown = (path: string, credential: string) => {
      const address = PATIENT.sessions.publicUrl + path;
      return { proof: key.proof({ credential, address, atMs: Date.now() }), method: 'POST', path };
    };
    const answersOf = async (op: 'exchangeCode' | 'openSession', args: object) =>
      (await Promise.all(workers.map((process) => process.do(op, { ...args, callers: 10 })))).flat();
    const errorsOf = (answers: readonly object[]) =>
      new Set(answers.flatMap((answer) => ('error' in answer ? [answer.error] : [])));
    const valuesOf = (answers: readonly object[]) =>
      answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
    const code = suite.code('player-with-a-key');
    const calls = suite.nowgg.requestCount('token');
    const signedIn = await answersOf('exchangeCode', { code, proof: shown('/login', code) });
    // Five of them have the right time; the others ask for a nonce, and use nothing up.
    const refused = new Set(['invalid_dpop_proof', 'use_dpop_nonce']);
    expect([valuesOf(signedIn).length, errorsOf(signedIn)]).toEqual([1, refused]);
    expect(suite.nowgg.requestCount('token') - calls).toBe(1);
    const { session: handle } = valuesOf(signedIn)[0] as { session: string };
    for (let round = 0; round < 5; round += 1) {
      const opened = await answersOf('openSession', { handle, proof: shown('/refresh', handle) });
      expect([valuesOf(opened), errorsOf(opened)]).toEqual([[handle], refused]);
    }
    expect(errorsOf(await answersOf('openSession', { handle }))).toEqual(new Set(['invalid_dpop_proof']));
    const [{ count }] = await suite.dataSource.query('SELECT count(*)::int AS count FROM nowgg_session_proof');
    expect(count).toBe(6);
  }, 60_000);

  it('refresh near the end in the background, and an attempt that fails there fails no caller', async () => {
    suite.startOver('never');
    const grantId = await suite.signIn();
    await suite.dataSource.query(
      `UPDATE nowgg_grant SET access_not_after = now() + interval '50 seconds', updated_at = now() - interval '1 hour',
         access_obtained_at = now() - interval '1 hour' WHERE id = $1`,
      [grantId],
    );
    suite.nowgg.setFault({ ...refusal('REFUSED'), count: 1 });
    const answers = await allProcesses('getAccessToken', { grantId }, 50);
    expect(answers).toHaveLength(1);
    expect(answers[0]).toContain('"generation":1');
    await suite.called(1);
    await allProcesses('getAccessToken', { grantId }, 50);
    expect(suite.refreshes).toBe(1);
  });

  it('read every token while another process rotates the keys and is killed in the middle', async () => {
    suite.startOver('never');
    const grantIds = await Promise.all(Array.from({ length: 100 }, () => suite.signIn()));
    const ring = { durations: { ...PATIENT, encryptionKeys: [RING[1], RING[0]] } };
    const [rotator, successor, reader] = (await suite.workers(3, ring)) as [TokenWorker, TokenWorker, TokenWorker];
    await rotator.doUntil('batch_resealed', 'rotate', {});
    await rotator.kill();
    const rotation = successor.get<object>('rotate');
    const reads = grantIds.map((grantId, index) =>
      reader.do(index % 4 === 0 ? 'refresh' : 'getAccessToken', { grantId }),
    );
    const answers = (await Promise.all(reads)).flat();
    expect(answers.filter((answer) => 'error' in answer)).toEqual([]);
    await rotation;
    const vault = new NowggVaultService({
      store: suite.store,
      identityProviders: new IdentityProviders([]),
      encryptionKeys: ring.durations.encryptionKeys,
    });
    expect(await vault.rotate()).toMatchObject({ unreadable: 0, complete: true });
    expect(Object.keys((await vault.status()).byKeyId)).toEqual(['k2']);
    expect(await worker(0).do('getAccessToken', { grantId: grantIds[1] as string })).toEqual([
      { error: 'store_unavailable' },
    ]);
  }, 60_000);
});
