import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../support/token-service/token-worker-messages.js';
import { TokenSuite } from '../support/token-service/token-suite.js';
import type { TokenWorker } from '../support/token-service/token-worker.js';

/** Additions of a kind that a later release of the same major version may make. */
const FORWARD = [
  'ALTER TABLE nowgg_grant ADD COLUMN later_nullable text',
  "ALTER TABLE nowgg_grant ADD COLUMN later_default text NOT NULL DEFAULT 'unset'",
  'ALTER TABLE nowgg_exchange ADD COLUMN later_nullable timestamptz',
  'ALTER TABLE nowgg_issued_token ADD COLUMN later_default integer NOT NULL DEFAULT 7',
  'CREATE INDEX later ON nowgg_grant (later_nullable) WHERE later_nullable IS NOT NULL',
  'CREATE TABLE nowgg_later (id uuid PRIMARY KEY)',
];
const BACK = [
  'DROP TABLE nowgg_later',
  'DROP INDEX later',
  'ALTER TABLE nowgg_issued_token DROP COLUMN later_default',
  'ALTER TABLE nowgg_exchange DROP COLUMN later_nullable',
  'ALTER TABLE nowgg_grant DROP COLUMN later_default, DROP COLUMN later_nullable',
];

describe('a migration that adds, while processes of before and after it run', () => {
  let suite: TokenSuite;

  beforeAll(async () => {
    suite = await TokenSuite.start('grace');
  }, 90_000);
  afterAll(() => suite.stop(), 30_000);

  it('fails no sign-in, read or refresh, and neither does undoing it', async () => {
    const [before] = (await suite.workers(1)) as [TokenWorker];
    const failures: string[] = [];
    const note = (answers: readonly Answer[]) => {
      for (const answer of answers) if ('error' in answer) failures.push(answer.error);
    };
    /** Each process signs in, and both refresh and read the grants of all; then the values are compared. */
    const play = async (workers: readonly TokenWorker[]) => {
      for (const worker of workers) {
        const user = `player-${workers.indexOf(worker)}`;
        note(await worker.do('exchangeCode', { code: suite.code(user) }));
        const grantId = await suite.signInLongAgo(user);
        for (const each of workers) note(await each.do('refresh', { grantId }));
        const answers = await Promise.all(workers.map((each) => each.do('getAccessToken', { grantId })));
        answers.forEach(note);
        expect(new Set(answers.flat().map((answer) => JSON.stringify(answer))).size).toBe(1);
      }
    };
    const migrate = async (statements: readonly string[], workers: readonly TokenWorker[]) => {
      const playing = play(workers);
      for (const statement of statements) await suite.dataSource.query(statement);
      await playing;
    };

    await migrate(FORWARD, [before]);
    const [after] = (await suite.workers(1)) as [TokenWorker];
    await play([before, after]);
    const [{ unset }] = await suite.dataSource.query(
      "SELECT count(*) FILTER (WHERE later_default = 'unset') = count(*) AS unset FROM nowgg_grant",
    );
    expect(unset).toBe(true);
    await migrate(BACK, [before, after]);
    await play([before, after]);
    expect(failures).toEqual([]);
  }, 60_000);
});
