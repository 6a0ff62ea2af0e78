import type { OnApplicationBootstrap } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';
import type { IdentityProvider } from './identity-provider.js';
import type { UnverifiedJws } from './unverified-jws.js';
import { commonVerdictScope } from './verdict-scope.js';

/** The identity providers of one module instance, by name. */
export class IdentityProviders implements OnApplicationBootstrap {
  readonly #byName: ReadonlyMap<string, IdentityProvider>;
  /** Hash of everything that this module's verdicts depend on: its providers' scopes. 43 base64url characters. */
  readonly verdictScope: string;

  constructor(providers: readonly IdentityProvider[]) {
    this.#byName = new Map(providers.map((provider) => [provider.name, provider]));
    this.verdictScope = commonVerdictScope(providers.map(({ verdictScope }) => verdictScope));
  }

  /** @throws NowggConfigurationError with the faults of every provider that must not start */
  async onApplicationBootstrap(): Promise<void> {
    const checks = await Promise.allSettled([...this].map((provider) => provider.checkAtStart()));
    const faults = checks.flatMap((check) => (check.status === 'rejected' ? [check.reason as unknown] : []));
    if (faults.length === 0) return;
    if (faults.length === 1 || !faults.every((fault) => fault instanceof Error)) throw faults[0];
    throw new NowggConfigurationError(faults.map(({ message }) => message).join('; '));
  }

  /** @throws NowggConfigurationError when no provider has this name. */
  get(name: string): IdentityProvider {
    const provider = this.#byName.get(name);
    if (!provider) throw new NowggConfigurationError('no identity provider of this name is configured');
    return provider;
  }

  find(name: string): IdentityProvider | undefined {
    return this.#byName.get(name);
  }

  /** The named provider; without a name the only one. @throws NowggConfigurationError when that is ambiguous. */
  getOrOnly(name: string | undefined): IdentityProvider {
    if (name !== undefined) return this.get(name);
    const only = this.only();
    if (!only)
      throw new NowggConfigurationError('several identity providers are configured: give the name of one of them');
    return only;
  }

  /** The only provider, or undefined when there are several. */
  only(): IdentityProvider | undefined {
    return this.#byName.size === 1 ? this.#byName.values().next().value : undefined;
  }

  /** The provider of an unverified issuer and audience. Only a choice: the verified ones must match as well. */
  findRecognising(jws: UnverifiedJws): IdentityProvider | undefined {
    for (const provider of this.#byName.values()) if (provider.recognises(jws)) return provider;
    return undefined;
  }

  /** The provider that a token is for when it is certainly not for the named one. */
  findOtherThan(name: string, jws: UnverifiedJws): IdentityProvider | undefined {
    return this.get(name).recognises(jws) ? undefined : this.findRecognising(jws);
  }

  [Symbol.iterator](): IterableIterator<IdentityProvider> {
    return this.#byName.values();
  }
}
