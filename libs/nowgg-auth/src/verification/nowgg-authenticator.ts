import type { AuthenticationPolicy, Verdict } from './verdict.js';

/** Says whether a token is good: the guard's decision without a guard. */
export abstract class NowggAuthenticator {
  /**
   * @param credential the bare token, as it followed `Bearer `
   * @returns a verdict; never throws for what a caller or the identity system sends
   */
  abstract authenticate(credential: string, policy?: AuthenticationPolicy): Promise<Verdict> | Verdict;
}
