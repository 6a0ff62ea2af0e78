import { InvalidRequestError, NowggConfigurationError } from '../errors.js';
import { checkIdentifier } from '../identity/claims.js';
import type { AuditTrail, NowggAuditRow } from './audit-trail.js';

/** Options of {@link NowggAuditService.list}. */
export interface NowggAuditQuery {
  /** Only acts on this player. */
  readonly userId?: string;
  /** Name of the identity provider of the player. May be left out where there is only one. */
  readonly provider?: string;
  /** Only acts since this time. */
  readonly since?: Date;
  /** Rows of a page, 1 to 500. Default 50. */
  readonly limit?: number;
  /** The last row of the page before. */
  readonly after?: Pick<NowggAuditRow, 'at' | 'id'>;
}

interface NowggAuditServiceParts {
  /** Undefined when the stores of the application keep no audit. */
  readonly trail: AuditTrail | undefined;
  readonly providers: { getOrOnly(name: string | undefined): { readonly name: string } };
}

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;
const USUAL_ROWS = 50;
const MOST_ROWS = 500;

/**
 * Reads the audit: who banned, restored, signed out or erased a player, rotated keys or deleted old rows, when and why.
 * The stores of `nestjs-nowgg-auth/typeorm` write it together with each act; the stores in memory keep none.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggAuditService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class CaseFile {
 *   constructor(private readonly audit: NowggAuditService) {}
 *
 *   async of(userId: string) {
 *     const rows = await this.audit.list({ userId, limit: 20 });
 *     return rows.map(({ at, action, by, note }) => `${at.toISOString()} ${action} by ${by ?? 'unknown'}: ${note ?? ''}`);
 *   }
 * }
 * ```
 */
export class NowggAuditService {
  readonly #parts: NowggAuditServiceParts;

  constructor(parts: NowggAuditServiceParts) {
    this.#parts = parts;
  }

  /** Whether the stores of the application keep an audit. */
  get isKept(): boolean {
    return this.#parts.trail !== undefined;
  }

  /**
   * Lists acts, the newest first, one page at a time.
   *
   * @throws NowggConfigurationError when the stores of the application keep no audit
   * @throws InvalidRequestError when an option has a wrong form
   * @throws StoreUnavailableError when the database cannot be read
   *
   * @example
   * ```ts
   * import { NowggAuditService, type NowggAuditRow } from 'nestjs-nowgg-auth';
   *
   * export async function* everything(audit: NowggAuditService): AsyncGenerator<NowggAuditRow> {
   *   for (let after: NowggAuditRow | undefined; ; ) {
   *     const page = await audit.list({ limit: 500, ...(after && { after }) });
   *     yield* page;
   *     after = page.at(-1);
   *     if (page.length < 500) return;
   *   }
   * }
   * ```
   */
  async list(query: NowggAuditQuery = {}): Promise<readonly NowggAuditRow[]> {
    const { trail, providers } = this.#parts;
    if (!trail) {
      throw new NowggConfigurationError(
        'the stores of this application keep no audit: give NowggAuthModule typeOrmRevocationStore() or typeOrmTokenStore()',
      );
    }
    const { userId, provider, since, limit = USUAL_ROWS, after } = query;
    if (userId !== undefined) checkIdentifier('userId', userId);
    if (provider !== undefined && userId === undefined) throw new InvalidRequestError('provider needs userId');
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST_ROWS) {
      throw new InvalidRequestError(`limit must be a whole number, 1 to ${MOST_ROWS}`);
    }
    if (since !== undefined && !isTime(since)) throw new InvalidRequestError('since must be a Date');
    if (after !== undefined && !(isTime(after.at) && UUID.test(after.id))) {
      throw new InvalidRequestError('after must be a row of the audit');
    }
    const { name } = userId === undefined ? { name: '' } : providers.getOrOnly(provider);
    const target = userId === undefined ? undefined : ({ provider: name, kind: 'user', id: userId } as const);
    return trail.list({ target, since, after, limit });
  }
}

function isTime(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
