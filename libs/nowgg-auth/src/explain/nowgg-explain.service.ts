import { InvalidRequestError } from '../errors.js';
import { checkIdentifier } from '../identity/claims.js';
import type { IdentityProviders } from '../identity/identity-providers.js';
import type { RevocationFeed } from '../revocation/revocation-feed.js';
import { tokenDigest } from '../identity/token-text.js';
import type { RememberedVerdict, VerdictExplanation } from '../verification/explanation.js';
import { fingerprintOf } from '../verification/verification-events.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { explainByStores, type ExplainSources } from './explain-player.js';
import type { ExplainedVerdict, NowggExplanation } from './explanation.js';

/** Whom or what to explain: a player, or the player of a token. `provider` may be left out where there is only one. */
export type NowggExplainTarget = { readonly provider?: string } & (
  | { readonly userId: string; readonly token?: never }
  | { readonly token: string; readonly userId?: never }
);

export interface NowggExplainOptions {
  /** Whether the identity system may be asked about the token, which costs a call of the quota. Default false. */
  readonly ask?: boolean;
}

interface NowggExplainServiceParts extends ExplainSources {
  readonly providers: IdentityProviders;
  readonly authenticator: NowggAuthenticator;
  readonly feed: Pick<RevocationFeed, 'isLoaded' | 'ageMs'>;
}

/**
 * Answers the questions of support: where a player is signed in, on which devices, whether their token is accepted now
 * and why not, who banned them, how their last refreshes went. Shows players of this application's client. Writes nothing,
 * and the answer contains no token, session handle or ciphertext: it is for staff, not for the player.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggExplainService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class SupportDesk {
 *   constructor(private readonly explaining: NowggExplainService) {}
 *
 *   async caseOf(userId: string) {
 *     const { verdict, ban, sessions } = await this.explaining.explain({ userId });
 *     return { verdict, ban, devices: sessions.map(({ device, standing, why }) => ({ device, standing, why })) };
 *   }
 * }
 * ```
 */
export class NowggExplainService {
  readonly #parts: NowggExplainServiceParts;

  constructor(parts: NowggExplainServiceParts) {
    this.#parts = parts;
  }

  /**
   * Explains a player or a token, by a handful of statements that read indexes. The identity system is not asked unless
   * `ask` is set.
   *
   * @throws InvalidRequestError when not exactly one of userId and token is given, or one has a wrong form
   * @throws StoreUnavailableError when the database cannot be read
   *
   * @example
   * ```ts
   * import { NowggExplainService } from 'nestjs-nowgg-auth';
   *
   * export async function whyRefused(explaining: NowggExplainService, token: string) {
   *   const { verdict, userId } = await explaining.explain({ token });
   *   return `${userId ?? 'unknown player'}: ${verdict.outcome}, ${verdict.why}`;
   * }
   * ```
   */
  async explain(target: NowggExplainTarget, { ask = false }: NowggExplainOptions = {}): Promise<NowggExplanation> {
    const { providers, feed, authenticator } = this.#parts;
    const { userId, token } = checked(target);
    const provider = providers.getOrOnly(target.provider);
    const asked = token !== undefined && ask ? await authenticator.explain(token) : undefined;
    const remembered = token === undefined ? undefined : await authenticator.explainRemembered(token);
    const { principal } = remembered ?? {};
    const explained = await explainByStores(
      {
        provider: provider.name,
        clientKey: provider.clientKey,
        userId: userId ?? (principal?.provider === provider.name ? principal.userId : undefined),
        ...(token !== undefined && { token: { text: token, credentialId: provider.credentialIdOf(token) } }),
      },
      this.#parts,
    );
    const { isLoaded, ageMs } = feed;
    const verdict = asked ? askedVerdict(asked) : remembered && rememberedVerdict(remembered);
    return {
      ...explained,
      // What the stores refuse is refused, also where this process has not read it yet.
      ...(verdict && (asked || explained.verdict.outcome !== 'refused') && { verdict }),
      ...(explained.token && token !== undefined && { token: { ...explained.token, fingerprint: fingerprint(token) } }),
      bansKnown: { isLoaded, ...(ageMs !== undefined && { ageMs }) },
    };
  }
}

function checked(target: NowggExplainTarget): { readonly userId?: string; readonly token?: string } {
  const { userId, token } = Object(target) as { userId?: unknown; token?: unknown };
  if ((userId === undefined) === (token === undefined)) {
    throw new InvalidRequestError('exactly one of userId and token must be given');
  }
  if (userId !== undefined) {
    checkIdentifier('userId', userId);
    return { userId };
  }
  if (typeof token === 'string' && token !== '') return { token };
  throw new InvalidRequestError('token must be a non-empty string');
}

function fingerprint(token: string): string {
  return fingerprintOf(tokenDigest(token));
}

function askedVerdict({ outcome, reason }: VerdictExplanation): ExplainedVerdict {
  return told(outcome, reason, 'identity_system', 'the identity system was asked, unless this process had an answer');
}

function rememberedVerdict({ verdict, isFresh, ageMs = 0 }: RememberedVerdict): ExplainedVerdict {
  const reason = verdict.status === 'valid' ? undefined : verdict.reason;
  const age = `this process has a verdict that is ${Math.round(ageMs / 1000)} s old`;
  if (verdict.status !== 'valid' || isFresh) return told(verdict.status, reason, 'memory', age);
  return { outcome: 'open', from: 'memory', why: `${age}: the identity system is asked for a newer one` };
}

const OUTCOMES = { valid: 'accepted', invalid: 'refused', unknown: 'open' } as const;

function told(
  outcome: keyof typeof OUTCOMES,
  reason: string | undefined,
  from: ExplainedVerdict['from'],
  why: string,
): ExplainedVerdict {
  return { outcome: OUTCOMES[outcome], ...(reason !== undefined && { reason }), from, why };
}
