import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkKeys } from '../../libs/nowgg-auth/src/tokens/vault/key-checks.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import { RING } from '../support/token-service/token-service.js';
import { inLanes, TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';
import { VaultCommand, vaultCommand } from '../support/processes/vault-command.js';

const GRANTS = 2_000;
const NEW_RING = [RING[1], RING[0]];
const PATIENT = { leaseMs: 60_000, softDeadlineMs: 60_000, lateReplyMs: 60_000 };

describe('a rotation of keys while the application runs', () => {
  let suite: TokenSuite;
  let players: readonly TokenWorker[];
  let grantIds: string[];
  let variables: Record<string, string>;

  beforeAll(async () => {
    suite = await TokenSuite.start('once');
    grantIds = await suite.manySignedInLongAgo(GRANTS, 3_600_000);
    players = await suite.workers(2, { durations: { ...PATIENT, encryptionKeys: NEW_RING } });
    await checkKeys(suite.store, new KeyRing(NEW_RING));
    variables = {
      DATABASE_URL: suite.url,
      NOWGG_ENCRYPTION_KEYS: NEW_RING.map(({ id, key }) => `${id}:${key}`).join(','),
    };
  }, 60_000);
  afterAll(() => suite.stop(), 30_000);

  it('fails no read and no refresh, and goes on where a process was killed in the middle', async () => {
    const rotate = (batchSize: number) =>
      new VaultCommand(['vault', 'rotate', '--json', '--batch-size', String(batchSize)], variables);
    const failed: unknown[] = [];
    const over = new AbortController();
    let calls = 0;
    const play = async (player: TokenWorker) => {
      while (!over.signal.aborted) {
        calls += 1;
        const grantId = grantIds[(calls * 7) % GRANTS] as string;
        const [answer] = await player.do(calls % 5 === 0 ? 'refresh' : 'getAccessToken', { grantId });
        if (!answer || 'error' in answer) failed.push(answer);
      }
    };
    const playing = [...players, ...players].map(play);

    const first = rotate(10);
    await first.underWay();
    first.kill('SIGKILL');
    expect(await first.ended).toMatchObject({ signal: 'SIGKILL', stdout: '' });
    const status = JSON.parse((await vaultCommand(['vault', 'status', '--json'], variables)).stdout) as object;
    expect(status).toMatchObject({ byKeyId: { k1: expect.any(Number), k2: expect.any(Number) } });
    const second = await rotate(200).ended;
    over.abort();
    await Promise.all(playing);

    expect(JSON.parse(second.stdout)).toMatchObject({ unreadable: 0, complete: true });
    expect(failed).toEqual([]);
    expect(suite.refreshes).toBeGreaterThan(0);
    const withoutOldKey = suite.serviceWith({ ...PATIENT, encryptionKeys: [RING[1]] });
    const tokens = new Set<string>();
    await inLanes(GRANTS, async (index) => {
      tokens.add((await withoutOldKey.getAccessToken(grantIds[index] as string)).token);
    });
    expect(tokens.size).toBe(GRANTS);
    const refreshed = suite.refreshes;
    expect(grantIds.filter((id) => tokens.has(`access-${id}`)).length).toBeGreaterThanOrEqual(GRANTS - refreshed);
  }, 120_000);
});
