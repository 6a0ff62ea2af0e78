import type { TokenTables } from '../database/database-names.js';
import { changeStatement, countStatement, deletion, type Walk } from './walk.js';

type AuditTables = Pick<TokenTables, 'audit' | 'auditPerson'>;

const COLUMNS = `at, id, action, provider, kind, subject, feature, until_at, done_by, reason_code, reason_text, note, detail`;
/** To the millisecond, so that a program can name a row by its time. */
const NOW = `date_trunc('milliseconds', clock_timestamp())`;

const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The acts in a parameter, as `actsJson` writes them. */
const ACTS = (parameter: string) => `
  SELECT * FROM jsonb_to_recordset(${parameter}::jsonb) AS act (action text, provider text, kind text, user_id text,
    subject uuid, feature text, until_ms float8, done_by text, reason_code text, reason_text text, note text, detail text)`;

const insertActs = (audit: string, from: string, subject: string) => `
  INSERT INTO ${audit} (${COLUMNS})
  SELECT ${NOW}, gen_random_uuid(), acts.action, acts.provider, acts.kind, ${subject}, acts.feature,
    to_timestamp(acts.until_ms / 1000), acts.done_by, acts.reason_code, acts.reason_text, acts.note, acts.detail
  FROM ${from}`;

/**
 * Parts of a WITH list that write the acts in a parameter, in the statement that does what they are about. A user keeps
 * the id of an earlier act. The row of a user is written each time: a clean-up at the same moment leaves it alone then.
 */
export function auditParts({ audit, auditPerson }: AuditTables, parameter: string): string {
  return `acts AS (${ACTS(parameter)}),
    persons AS (
      INSERT INTO ${auditPerson} AS known (provider, user_id, subject, used_at)
      SELECT provider, user_id, gen_random_uuid(), clock_timestamp()
      FROM (SELECT DISTINCT provider, user_id FROM acts WHERE user_id IS NOT NULL ORDER BY provider, user_id) AS users
      ON CONFLICT (provider, user_id) DO UPDATE SET used_at = greatest(known.used_at, excluded.used_at)
      RETURNING provider, user_id, subject
    ),
    noted AS (${insertActs(
      audit,
      'acts LEFT JOIN persons ON persons.provider = acts.provider AND persons.user_id = acts.user_id',
      'coalesce(persons.subject, acts.subject)',
    )})`;
}

/**
 * Parts of a WITH list that make the rows about a user nameless, and write the act in a parameter about the same subject,
 * without a name as well.
 */
export function erasureParts(
  { audit, auditPerson }: AuditTables,
  [provider, userId, acts]: readonly [string, string, string],
): string {
  return `acts AS (${ACTS(acts)}),
    unknown AS (DELETE FROM ${auditPerson} WHERE provider = ${provider} AND user_id = ${userId} RETURNING subject),
    noted AS (${insertActs(audit, 'acts', 'coalesce((SELECT subject FROM unknown), gen_random_uuid())')})`;
}

const olderWalk = (table: string, time: string, keys: Walk['keys']): Walk => {
  const isOlder = `g.${time} <= statement_timestamp() - $3::float8 * interval '1 millisecond'`;
  return { table, keys: [[time, 'timestamptz'], ...keys], range: isOlder, wanted: isOlder };
};

/** The statements about the audit alone. */
export function auditStatements(tables: AuditTables) {
  const { audit, auditPerson } = tables;
  const rows = olderWalk(audit, 'at', [['id', 'uuid']]);
  // The last act on such a user is old too: none of its rows is left.
  const persons = olderWalk(auditPerson, 'used_at', [
    ['provider', 'text'],
    ['user_id', 'text'],
  ]);
  // $1 time and $2 id of the row before, $3 since, $4 limit, and others from $5 on
  const list = (found: string) => `
    SELECT found.id::text AS id, (extract(epoch FROM found.at) * 1000)::float8 AS "atMs", found.action, found.provider,
      found.kind, found.subject::text AS subject, person.user_id AS "userId", found.feature,
      (extract(epoch FROM found.until_at) * 1000)::float8 AS "untilMs", found.done_by AS "by",
      found.reason_code AS "reasonCode", found.reason_text AS "reasonText", found.note, found.detail
    FROM (SELECT * FROM ${audit} ${found} LIMIT $4::integer) AS found
      LEFT JOIN ${auditPerson} AS person ON person.subject = found.subject
    ORDER BY found.at DESC, found.id DESC`;
  const before = `coalesce($1::timestamptz, 'infinity'), coalesce($2::uuid, '${LAST_ID}')`;
  const all = `WHERE (at, id) < (${before}) AND at >= $3::timestamptz ORDER BY at DESC, id DESC`;
  // With the subject in the order: otherwise the planner may go through all rows by their time in search of those of one.
  const of = (subject: string) => `
    WHERE subject IS NOT NULL AND (subject, at, id) < (${subject}, ${before})
      AND (subject, at, id) >= (${subject}, $3::timestamptz, '${FIRST_ID}'::uuid)
    ORDER BY subject DESC, at DESC, id DESC`;
  return {
    list: list(all),
    // $5 provider, $6 user id
    listOfUser: list(of(`(SELECT subject FROM ${auditPerson} WHERE provider = $5::text AND user_id = $6::text)`)),
    // $5 subject
    listOfSubject: list(of('$5::uuid')),

    // $1 acts
    record: `WITH ${auditParts(tables, '$1')} SELECT 1 AS done`,

    countOlder: { walk: rows, statement: countStatement(rows) },
    prune: {
      rows: { walk: rows, statement: changeStatement(rows, deletion(rows)) },
      persons: { walk: persons, statement: changeStatement(persons, deletion(persons)) },
    },
  };
}
