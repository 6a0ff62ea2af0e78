import type { IdentityProviderDefinition } from '../identity-provider.js';
import { NowggIdentityProvider } from './nowgg-identity-provider.js';
import { faultsOf, refuse } from '../../rules.js';
import { NOWGG_RULES, type NowggProviderOptions } from './nowgg-options.js';

/**
 * Defines an identity provider for one now.gg client. The module creates one from `clientId`; use this function for
 * more, such as a second title or a staging host.
 *
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 *
 * @example
 * ```ts
 * import { nowgg, NowggAuthModule } from 'nestjs-nowgg-auth';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   identityProviders: [nowgg({ name: 'second-title', clientId: process.env.SECOND_CLIENT_ID ?? '' })],
 * });
 * ```
 */
export function nowgg(options: NowggProviderOptions): IdentityProviderDefinition {
  refuse(faultsOf(NOWGG_RULES, options), 'nowgg(): ');
  const name = options.name ?? 'nowgg';
  const frozen = Object.freeze({ ...options, name });
  return Object.freeze<IdentityProviderDefinition>({
    name,
    create: (context) => new NowggIdentityProvider(frozen, context),
  });
}
