/** How far an exchange came: nothing was sent; the request, or a part of it, was sent; the reply began. */
export type ExchangeProgress = 'waiting' | 'sent' | 'answered';

/** An exchange that ended without a complete reply. Names the cause and keeps nothing of the request. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  /** Code of the error that ended it; empty when it has none. */
  readonly code: string;
  readonly progress: ExchangeProgress;
  /** Whether the request was written to a connection that had carried another one. */
  readonly isReused: boolean;

  constructor(code: string, progress: ExchangeProgress, isReused: boolean) {
    super('the exchange ended without a complete reply');
    this.code = code;
    this.progress = progress;
    this.isReused = isReused;
  }
}

/** The caller's signal ended the exchange. */
export const GIVEN_UP = 'GIVEN_UP';
/** The reply was not HTTP. The parser's own error quotes the reply. */
export const NOT_HTTP = 'NOT_HTTP';
/** The reply is larger than the limit; the name that undici gives it. */
export const TOO_LARGE = 'UND_ERR_RES_EXCEEDED_MAX_SIZE';
/** A head with contradictory lengths, or a body of another length than announced; the name that undici gives it. */
export const OTHER_LENGTH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
/** The connection ended in the reply. */
export const EARLY_END = 'EARLY_END';
