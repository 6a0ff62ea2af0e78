import { IdentityUnavailableError, NowggConfigurationError } from '../../errors.js';

/** Rolled back as a whole by the database for another transaction's sake: safe to repeat (SQLSTATE class 40). */
const REPEATABLE = new Set(['40001', '40P01']);
/** Undefined table, undefined column, invalid schema name. */
const NOT_MIGRATED = new Set(['42P01', '42703', '3F000']);
const FORBIDDEN = '42501';

/** Whether the statement may simply be sent again. */
export function isRepeatable(error: unknown): boolean {
  return REPEATABLE.has(sqlStateOf(error) ?? '');
}

/** Whether the driver gave up waiting for an answer; it tells by this message alone, and leaves the connection busy. */
export function isOverdue(error: unknown): boolean {
  const { message, driverError } = (error ?? {}) as { message?: unknown; driverError?: { message?: unknown } };
  return (driverError?.message ?? message) === 'Query read timeout';
}

/**
 * What callers hear of a database error. The error itself carries the statement and its parameters and goes no further:
 * everything that can pass by itself (outage, full pool, read-only, deadlock) is retryable, the rest is set-up.
 */
export function databaseError(error: unknown): IdentityUnavailableError | NowggConfigurationError {
  const sqlState = sqlStateOf(error) ?? '';
  if (NOT_MIGRATED.has(sqlState)) {
    return new NowggConfigurationError('the tables of the token store are missing or old: run nowggMigrations');
  }
  if (sqlState === FORBIDDEN) {
    return new NowggConfigurationError('the database user may not use the tables of the token store');
  }
  return new IdentityUnavailableError();
}

function sqlStateOf(error: unknown): string | undefined {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' ? found : undefined;
}
