import { COUNTED_MS, COUNTED_PARTS, REFUSALS_OF_DOUBT } from '../../tokens/store/client-standing.js';
import type { TokenTables } from '../database/database-names.js';

const PART_S = COUNTED_MS / COUNTED_PARTS / 1_000;
const COUNTED = `interval '${COUNTED_MS} milliseconds'`;
const epochMs = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`;

/** The statements about client secrets. Each is one round trip and its own transaction. */
export function clientStatements({ client, clientCount }: TokenTables) {
  return {
    // Refusals count from the newest success on, in the order in which processes report.
    // $1 client key, $2 secret, $3 succeeded at, $4 refusals
    add: `
      WITH done AS (
        INSERT INTO ${client} AS known (client_key, secret, succeeded_at, refusals)
        VALUES ($1, $2, to_timestamp($3::float8 / 1000), $4::integer)
        ON CONFLICT (client_key, secret) DO UPDATE SET
          succeeded_at = greatest(known.succeeded_at, excluded.succeeded_at),
          refusals = excluded.refusals + CASE WHEN excluded.succeeded_at IS NULL THEN known.refusals ELSE 0 END,
          recovered_at = CASE
            WHEN excluded.succeeded_at IS NOT NULL AND known.refusals >= ${REFUSALS_OF_DOUBT} THEN clock_timestamp()
            ELSE known.recovered_at END
        RETURNING secret
      )
      SELECT secret FROM done`,

    // $1 client key, $2 secret, $3 process, $4 first successes, $5 first refusals
    count: `
      WITH done AS (
        INSERT INTO ${clientCount} AS known
          (client_key, secret, process, counted_at, first_successes, first_refusals)
        VALUES ($1, $2, $3, to_timestamp(floor(extract(epoch FROM clock_timestamp()) / ${PART_S}) * ${PART_S}), $4, $5)
        ON CONFLICT (client_key, secret, process, counted_at) DO UPDATE SET
          first_successes = known.first_successes + excluded.first_successes,
          first_refusals = known.first_refusals + excluded.first_refusals
        RETURNING xmax = 0 AS "isNew"
      )
      SELECT "isNew" FROM done`,

    // $1 client key, $2 secret
    standing: `
      SELECT ${epochMs('clock_timestamp()')} AS "readAtMs",
        ${epochMs('own.succeeded_at')} AS "succeededAtMs", ${epochMs('own.recovered_at')} AS "recoveredAtMs",
        coalesce(own.refusals, 0) AS refusals,
        (SELECT ${epochMs('max(o.succeeded_at)')} FROM ${client} o WHERE o.client_key = $1 AND o.secret <> $2)
          AS "otherSucceededAtMs",
        counts.successes AS "firstSuccesses", counts.refusals AS "firstRefusals"
      FROM (
        SELECT coalesce(sum(first_successes), 0)::integer AS successes,
          coalesce(sum(first_refusals), 0)::integer AS refusals
        FROM ${clientCount}
        WHERE client_key = $1 AND secret = $2 AND counted_at > statement_timestamp() - ${COUNTED}
      ) counts LEFT JOIN ${client} own ON own.client_key = $1 AND own.secret = $2`,

    // $1 client key, $2 secret, $3 minimum time between two
    take: `
      WITH done AS (
        INSERT INTO ${client} AS known (client_key, secret, refusals, attempt_at)
        VALUES ($1, $2, 0, clock_timestamp())
        ON CONFLICT (client_key, secret) DO UPDATE SET attempt_at = clock_timestamp()
          WHERE known.attempt_at IS NULL
            OR known.attempt_at <= clock_timestamp() - $3::float8 * interval '1 millisecond'
        RETURNING secret
      )
      SELECT secret FROM done`,

    // $1 client key or null, $2 limit
    sweep: `
      WITH old AS (
        SELECT client_key, secret, process, counted_at FROM ${clientCount}
        WHERE ($1::text IS NULL OR client_key = $1) AND counted_at <= statement_timestamp() - 2 * ${COUNTED}
        LIMIT $2 FOR UPDATE SKIP LOCKED
      ), gone AS (
        DELETE FROM ${clientCount} c USING old
        WHERE c.client_key = old.client_key AND c.secret = old.secret AND c.process = old.process
          AND c.counted_at = old.counted_at
        RETURNING 1
      )
      SELECT count(*)::integer AS count FROM gone`,
  };
}
