import { PG_REVOCATION_CHANNEL, type TokenTables } from '../database/database-names.js';
import { auditParts } from './audit-statements.js';
import { changeStatement, countStatement, deletion, type Walk } from './walk.js';
import { ofElsewhere } from '../database/packed-watermarks.js';
import {
  backBy,
  KNOWN_LASTS_LONGER,
  NOT_SEEN,
  pageStatement,
  PHASES,
  sinceReading,
} from '../database/revocation-pages.js';

const MS = (expression: string) => `(extract(epoch FROM ${expression}) * 1000)::float8`;

const COLUMNS = (table: string) => `
  ${table}.provider, ${table}.kind, ${table}.subject_id,
  ${MS(`${table}.issued_until`)} AS issued_until_ms,
  ${MS(`${table}.refused_until`)} AS refused_until_ms,
  CASE WHEN ${table}.issued_until IS NOT NULL THEN ${MS(`coalesce(${table}.marked_at, ${table}.changed_at)`)} END AS marked_at_ms,
  ${MS(`${table}.not_after`)} AS not_after_ms, ${ofElsewhere(table)} AS of_elsewhere`;

/** Time from which the sign-out in a row no longer matters, with a margin of a minute. `life`: in milliseconds. */
const END_OF_MARK = (row: string, life: string) => `(CASE
    WHEN ${row}.kind IN ('token', 'credential') AND ${row}.not_after IS NOT NULL THEN ${row}.not_after
    ELSE greatest(${row}.issued_until + ${life} * interval '1 millisecond', ${row}.not_after)
  END + interval '1 minute')`;

const UNCHANGED = "g.changed_at <= statement_timestamp() - $3::float8 * interval '1 millisecond'";

/**
 * Rows that no longer refuse anything and have not been written for $3 milliseconds. $4: minimum time that a sign-out is
 * kept.
 */
function spentWalk({ revocation, tokenLife }: Pick<TokenTables, 'revocation' | 'tokenLife'>): Walk {
  const life = `greatest($4::float8, (SELECT longest_ms FROM ${tokenLife} AS life WHERE life.provider = g.provider))`;
  return {
    table: revocation,
    keys: [
      ['changed_at', 'timestamptz'],
      ['provider', 'text'],
      ['kind', 'text'],
      ['subject_id', 'text'],
    ],
    range: UNCHANGED,
    wanted: `(g.refused_until IS NULL OR g.refused_until <= statement_timestamp())
      AND (g.issued_until IS NULL OR ${END_OF_MARK('g', life)} <= statement_timestamp()) AND ${UNCHANGED}`,
  };
}

/** Whether a write brings the end of a ban. */
const NEW_BAN = 'excluded.refused_until IS NOT NULL';

/** Whether the columns of the reason belong to the ban in a row. */
const REASON_COUNTS = (row: string) => `${row}.reason_until = ${row}.refused_until`;

const TIMESTAMP = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;

// In the order of the key, so that two batches never wait for each other.
// A program that does not know the columns of reasons changes a ban and leaves them: they count while `reason_until`
// equals the end of the ban.
// In a row without a ban, the code is the cause of the mark; a later mark brings its own.
// A time that another system states is kept, also when the same comes again; it is then before that of the row.
// $1 providers, $2 kinds, $3 ids, $4 issued until, $5 refused until, $6 expiries, $7 codes, $8 texts, $9 authors,
// $10 stated times
const PUT = (revocation: string, others: string) => `WITH given AS (
      SELECT provider, kind, subject_id, ${TIMESTAMP('issued')} AS issued_until, ${TIMESTAMP('refused')} AS refused_until,
        ${TIMESTAMP('expires')} AS not_after, code, detail, author, ${TIMESTAMP('stated')} AS stated, clock_timestamp() AS at
      FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::float8[],
          $7::text[], $8::text[], $9::text[], $10::float8[])
        AS given(provider, kind, subject_id, issued, refused, expires, code, detail, author, stated)
      ORDER BY provider, kind, subject_id
    ), put AS (
      INSERT INTO ${revocation} AS known
        (provider, kind, subject_id, issued_until, refused_until, marked_at, not_after, changed_at,
          reason_code, reason_text, banned_by, banned_at, reason_until)
      SELECT provider, kind, subject_id, issued_until, refused_until,
        CASE WHEN issued_until IS NOT NULL THEN least(stated, at) END, not_after, at,
        code, detail, author, CASE WHEN refused_until IS NOT NULL THEN at END, refused_until
      FROM given
      ON CONFLICT (provider, kind, subject_id) DO UPDATE SET
        issued_until = greatest(known.issued_until, excluded.issued_until),
        refused_until = coalesce(excluded.refused_until, known.refused_until),
        marked_at = CASE
          WHEN excluded.issued_until IS NULL THEN known.marked_at
          WHEN excluded.marked_at < excluded.changed_at THEN greatest(known.marked_at, excluded.marked_at)
          ELSE clock_timestamp() END,
        not_after = greatest(known.not_after, excluded.not_after),
        reason_code = CASE WHEN ${NEW_BAN} OR known.refused_until IS NULL THEN excluded.reason_code ELSE known.reason_code END,
        reason_text = CASE WHEN ${NEW_BAN} THEN excluded.reason_text ELSE known.reason_text END,
        banned_by = CASE WHEN ${NEW_BAN} THEN excluded.banned_by ELSE known.banned_by END,
        banned_at = CASE
          WHEN NOT ${NEW_BAN} OR (known.refused_until > clock_timestamp() AND ${REASON_COUNTS('known')})
            THEN known.banned_at
          ELSE clock_timestamp() END,
        reason_until = coalesce(excluded.refused_until, known.reason_until),
        changed_at = clock_timestamp()
      RETURNING *
    ), told AS (SELECT pg_notify('${PG_REVOCATION_CHANNEL}', ''))${others}
    SELECT ${COLUMNS('put')} FROM put, told`;

/** The statements about revocations. Each is one round trip and its own transaction. */
export function revocationStatements(tables: Pick<TokenTables, 'revocation' | 'tokenLife' | 'audit' | 'auditPerson'>) {
  const { revocation, tokenLife } = tables;
  const life = `CASE WHEN cardinality($7::text[]) = 0 THEN $9::float8
    ELSE coalesce((SELECT life.ms FROM unnest($7::text[], $8::float8[]) AS life(provider, ms)
      WHERE life.provider = known.provider), $9::float8) END`;
  const spent = spentWalk({ revocation, tokenLife });
  const put = (others: string) => PUT(revocation, others);
  return {
    put: put(''),

    // $11 acts
    putAudited: put(`, ${auditParts(tables, '$11')}`),

    // $1 provider, $2 kind, $3 id, $4 acts
    restore: `WITH lifted AS (
         UPDATE ${revocation} SET issued_until = NULL, refused_until = NULL, marked_at = NULL, not_after = NULL,
           reason_code = NULL, reason_text = NULL, banned_by = NULL, banned_at = NULL, reason_until = NULL,
           changed_at = clock_timestamp()
         WHERE provider = $1 AND kind = $2 AND subject_id = $3
         RETURNING 1
       ), told AS (SELECT pg_notify('${PG_REVOCATION_CHANNEL}', '')), ${auditParts(tables, '$4')}
       SELECT 1 FROM lifted, told`,

    // $1 provider, $2 kind, $3 id
    find: `SELECT ${COLUMNS('known')} FROM ${revocation} AS known WHERE provider = $1 AND kind = $2 AND subject_id = $3`,

    // $1 providers, $2 kinds, $3 ids
    findMany: `SELECT ${COLUMNS('known')}
      FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted(provider, kind, subject_id)
      JOIN ${revocation} AS known USING (provider, kind, subject_id)`,

    // $1 providers, $2 kinds, $3 ids
    findBans: `SELECT known.provider, known.kind, known.subject_id, known.reason_code, known.reason_text, known.banned_by,
        ${MS('known.refused_until')} AS refused_until_ms, ${MS('known.banned_at')} AS banned_at_ms
      FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted(provider, kind, subject_id)
      JOIN ${revocation} AS known USING (provider, kind, subject_id)
      WHERE known.refused_until > statement_timestamp() AND ${REASON_COUNTS('known')}`,

    tokenLives: `SELECT provider, longest_ms FROM ${tokenLife}`,

    // $1 provider, $2 milliseconds
    keepTokenLife: `WITH kept AS (
         INSERT INTO ${tokenLife} AS known (provider, longest_ms) VALUES ($1, $2::float8)
         ON CONFLICT (provider) DO UPDATE SET longest_ms = greatest(known.longest_ms, excluded.longest_ms)
         RETURNING 1
       )
       SELECT 1 FROM kept`,

    // $1 to $4 the edge, $5 the page's size, $6 last reading, $7 last whole one, $8 their server, $9 and $10 their sights
    changes: pageStatement(revocation, 'changed_at', {
      reach: sinceReading('$6', '$7', '$8'),
      wanted: NOT_SEEN('$8', ['$9', '$10']),
      comparesWriters: true,
    }),

    // By phase. $1 to $4 the edge, $5 the page's size, $6 how far back, $7 providers, $8 their lives, $9 default life
    loads: PHASES.map((column) =>
      pageStatement(revocation, column, {
        reach: backBy('$6'),
        comparesWriters: false,
        wanted: `(known.refused_until > now.at OR (known.issued_until IS NOT NULL
          AND (known.not_after > now.at OR ${END_OF_MARK('known', life)} > now.at)))${
            // The phase before has given those.
            column === 'changed_at' ? ` AND (known.not_after > now.at AND ${KNOWN_LASTS_LONGER}) IS NOT TRUE` : ''
          }`,
      }),
    ),

    countSpent: { walk: spent, statement: countStatement(spent) },

    sweepSpent: { walk: spent, statement: changeStatement(spent, deletion(spent)) },
  };
}
