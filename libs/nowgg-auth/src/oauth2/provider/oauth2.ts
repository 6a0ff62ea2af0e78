import type { IdentityProviderDefinition } from '../../identity/identity-provider.js';
import { OAuth2IdentityProvider } from './oauth2-identity-provider.js';
import type { OAuth2ProviderOptions } from '../options/oauth2-options.js';
import { type ProviderQuirks, resolveOAuth2Options } from '../options/resolve-oauth2-options.js';

/**
 * Defines an identity provider for one client at any standard OAuth 2.0 / OpenID Connect system. When the application
 * starts, only the discovery document is fetched, to refuse one that sends credentials to hosts that are not
 * configured; an outage does not stop the start.
 *
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
 *
 * const web = oauth2({
 *   name: 'web',
 *   issuer: 'https://id.example.com',
 *   clientId: process.env.OIDC_CLIENT_ID ?? '',
 *   clientSecret: process.env.OIDC_CLIENT_SECRET ?? '',
 *   verification: jwt({ audience: 'https://api.example.com' }),
 * });
 *
 * export const auth = NowggAuthModule.forRoot({ identityProviders: [web] });
 * ```
 */
export function oauth2(options: OAuth2ProviderOptions): IdentityProviderDefinition {
  return defineProvider(options, 'oauth2');
}

/**
 * Defines the identity provider of a preset.
 *
 * @param factoryName name of the function that the application called, for errors
 * @param presetFaults faults of options that only the preset has
 * @throws NowggConfigurationError with the name of every invalid option, never its value
 */
export function defineProvider(
  options: OAuth2ProviderOptions,
  factoryName: string,
  quirks?: ProviderQuirks,
  presetFaults?: readonly string[],
): IdentityProviderDefinition {
  const settings = resolveOAuth2Options(options, factoryName, quirks, presetFaults);
  const { verification } = options;
  return Object.freeze<IdentityProviderDefinition>({
    name: settings.name,
    create: (context) => new OAuth2IdentityProvider(settings, verification, context, quirks),
  });
}
