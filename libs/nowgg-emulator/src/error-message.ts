/**
 * The message of any thrown value. Checks the property: an error of another realm (a test runner's sandbox) is not an
 * instance of this realm's `Error`.
 */
export function errorMessage(error: unknown, otherwise: string): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return otherwise;
  return typeof error.message === 'string' ? error.message : otherwise;
}
