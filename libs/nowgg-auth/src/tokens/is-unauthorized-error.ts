import { InvalidTokenError } from '../errors.js';

/** Whether an error of the application's own call means that the access token was refused. */
export function isUnauthorizedError(error: unknown): boolean {
  if (error instanceof InvalidTokenError) return true;
  if (typeof error !== 'object' || error === null) return false;
  const { status, response } = error as { status?: unknown; response?: unknown };
  if (status === 401) return true;
  return typeof response === 'object' && response !== null && (response as { status?: unknown }).status === 401;
}
