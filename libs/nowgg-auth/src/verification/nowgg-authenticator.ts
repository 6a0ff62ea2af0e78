import { explanationOf, type VerdictExplanation } from './explanation.js';
import type { AuthenticationContext, AuthenticationPolicy, Verdict } from './decision/verdict.js';

/** Verifies tokens: makes the guard's decision without a guard. */
export abstract class NowggAuthenticator {
  /**
   * @param credential the token without the prefix `Bearer `
   * @param context data of the request in addition to its token; read only when the identity system is asked
   * @returns a verdict; never throws because of what a caller or the identity system sends
   */
  abstract authenticate(
    credential: string,
    policy?: AuthenticationPolicy,
    context?: AuthenticationContext,
  ): Promise<Verdict> | Verdict;

  /**
   * Explains why a token is accepted or refused at this moment, for support staff. Decides like {@link authenticate},
   * and may also ask the identity system. The answer contains no part of the token.
   */
  async explain(credential: string, policy?: AuthenticationPolicy): Promise<VerdictExplanation> {
    return explanationOf(credential, await this.authenticate(credential, policy));
  }
}
