import { InvalidRequestError } from '../errors.js';
import { checkIdentifier } from '../identity/claims.js';
import type { NowggAuthor } from '../trail/audit-act.js';
import type { BanNotice } from './marks/watermark.js';

/** Why a player is banned, as they are told it. */
export interface NowggBanReason {
  /** 1 to 64 characters of A-Z a-z 0-9 . _ -; a front end shows a text in the player's language by it. */
  readonly code: string;
  /** 1 to 500 characters, without control and direction characters; shown where a front end does not know the code. */
  readonly text?: string;
}

export interface RevokeOptions extends NowggAuthor {
  /** Refuses everything until this time, new sign-ins included. Default: refuses everything that was issued so far. */
  readonly until?: Date;
  /** The reason of the ban, which needs {@link until}. The player is told it. Default: none, also if there was one. */
  readonly reason?: NowggBanReason;
  /**
   * Who does it, 1 to 255 characters, such as the name of an operator. In the event, the store and the audit; the player is
   * not told.
   */
  readonly by?: string;
}

const CODE = /^[\w.-]{1,64}$/;
const LONGEST_TEXT = 500;
/** Control characters, separators of lines, and characters that change the direction of the text around them. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/**
 * The statements of a ban; undefined for a sign-out.
 * @throws InvalidRequestError
 */
export function noticeOf({ until, reason, by, note }: RevokeOptions, atMs: number): BanNotice | undefined {
  checkAuthor({ by, note });
  if (reason !== undefined && !until) throw new InvalidRequestError('reason needs until: a sign-out has no reason');
  if (!until) return undefined;
  if (reason === undefined) return { reasonCode: undefined, text: undefined, by, atMs };
  const { code, text } = Object(reason) as Record<string, unknown>;
  if (typeof code !== 'string' || !CODE.test(code)) {
    throw new InvalidRequestError('reason.code must be 1 to 64 characters of A-Z a-z 0-9 . _ -');
  }
  if (!isReasonText(text)) {
    throw new InvalidRequestError('reason.text must be 1 to 500 characters, no control or direction characters');
  }
  return { reasonCode: code, text, by, atMs };
}

/** @throws InvalidRequestError */
export function checkAuthor({ by, note }: { readonly by?: unknown; readonly note?: unknown }): void {
  if (by !== undefined) checkIdentifier('by', by);
  if (!isReasonText(note)) {
    throw new InvalidRequestError('note must be 1 to 500 characters, no control or direction characters');
  }
}

function isReasonText(text: unknown): text is string | undefined {
  if (text === undefined) return true;
  return (
    typeof text === 'string' &&
    text.trim() !== '' &&
    text.length <= LONGEST_TEXT &&
    text.isWellFormed() &&
    !UNSAFE.test(text)
  );
}
