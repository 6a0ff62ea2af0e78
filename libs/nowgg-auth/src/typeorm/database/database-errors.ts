import { NowggConfigurationError, StoreUnavailableError } from '../../errors.js';

/** SQLSTATE class 40: the database rolled the statement back because of another transaction. It is safe to repeat. */
const REPEATABLE = new Set(['40001', '40P01']);
/** Undefined table, undefined column, invalid schema name. */
const NOT_MIGRATED = new Set(['42P01', '42703', '3F000']);
const UNDEFINED_TABLE = '42P01';
const FORBIDDEN = '42501';

/** Whether the same statement may be sent again. */
export function isRepeatable(error: unknown): boolean {
  return REPEATABLE.has(sqlStateOf(error) ?? '');
}

/** Whether the values of the statement are at fault (SQLSTATE classes 22 and 23), so that the database works. */
export function isCallersFault(error: unknown): boolean {
  return /^2[23]/.test(sqlStateOf(error) ?? '');
}

/** Whether a table of the statement does not exist. */
export function isMissingTable(error: unknown): boolean {
  return sqlStateOf(error) === UNDEFINED_TABLE;
}

/** Whether the driver gave up waiting for an answer. Only the message tells; the connection is left busy. */
export function isOverdue(error: unknown): boolean {
  const { message, driverError } = (error ?? {}) as { message?: unknown; driverError?: { message?: unknown } };
  return (driverError?.message ?? message) === 'Query read timeout';
}

/**
 * Translates a database error for callers. The error itself carries the statement and its parameters and is not passed
 * on. A condition that can end on its own (outage, full pool, read-only, deadlock) is retryable; the rest is set-up.
 */
export function databaseError(error: unknown): StoreUnavailableError | NowggConfigurationError {
  const sqlState = sqlStateOf(error) ?? '';
  if (NOT_MIGRATED.has(sqlState)) {
    return new NowggConfigurationError('the tables of the token store are missing or old: run nowggMigrations');
  }
  if (sqlState === FORBIDDEN) {
    return new NowggConfigurationError('the database user may not use the tables of the token store');
  }
  return new StoreUnavailableError();
}

/** The SQLSTATE of an error, or the code of a network error, for logs. Never its message. */
export function causeOf(error: unknown): string {
  const code = sqlStateOf(error);
  if (code !== undefined && /^[A-Z0-9_]{1,40}$/.test(code)) return code;
  return isOverdue(error) ? 'timeout' : 'no answer';
}

function sqlStateOf(error: unknown): string | undefined {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' ? found : undefined;
}
