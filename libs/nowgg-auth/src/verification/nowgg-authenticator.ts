import { explanationOf, type VerdictExplanation } from './explanation.js';
import type { AuthenticationContext, AuthenticationPolicy, Verdict } from './decision/verdict.js';

/** Says whether a token is good: the guard's decision without a guard. */
export abstract class NowggAuthenticator {
  /**
   * @param credential the bare token, as it followed `Bearer `
   * @param context what is known of the request beside its token; looked at only when the identity system is asked
   * @returns a verdict; never throws for what a caller or the identity system sends
   */
  abstract authenticate(
    credential: string,
    policy?: AuthenticationPolicy,
    context?: AuthenticationContext,
  ): Promise<Verdict> | Verdict;

  /**
   * Says why a token is accepted or refused at this moment, for support staff. Decides like {@link authenticate}, and
   * may ask the identity system like it. The answer holds no part of the token.
   */
  async explain(credential: string, policy?: AuthenticationPolicy): Promise<VerdictExplanation> {
    return explanationOf(credential, await this.authenticate(credential, policy));
  }
}
