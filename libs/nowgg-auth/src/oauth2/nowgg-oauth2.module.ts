import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { NowggApplicationTokenService } from './provider/application-tokens.js';
import {
  AUTHORIZATION_POLICY,
  type AuthorizationPolicyOptions,
  resolveAuthorizationPolicy,
} from './authorization/authorization-policy.js';
import { authorizationController } from './authorization/authorization.controller.js';
import { type NowggRoutesOptions, routesFaults, routesOf } from '../routes/routes-options.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { faultsOf, TRUE_OR_FALSE } from '../rules.js';
import { NowggAuthorizationService } from './authorization/authorization-service.js';
import { BackchannelLogout } from './logout/backchannel-logout.js';
import { backchannelLogoutController } from './logout/backchannel-logout.controller.js';

/** The callback is a navigation of the browser, which carries no proof of a key: only a page has one. */
const NO_PAGE =
  "returnTo must name a page where tokens.sessions.binding is 'required': a callback without one begins sessions without a key";

export interface NowggOAuth2ModuleOptions extends AuthorizationPolicyOptions {
  /** The `NowggAuthModule` whose identity providers these services use; needed only when it is not global. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /**
   * Ready-made routes for browsers: `GET :provider/authorize` and `GET :provider/callback` under `auth`, or under another
   * path. Each provider's redirectUri must then be the address of its callback. Providers with `backchannelLogout` report
   * sign-outs to `POST :provider/backchannel-logout`. Guards, such as a rate limiter's, run before all. Default false.
   */
  routes?: boolean | NowggRoutesOptions;
  /** Whether every module of the application sees this one without importing it. Default true. */
  isGlobal?: boolean;
}

/**
 * Services for standard identity systems in addition to token verification: {@link NowggAuthorizationService} signs
 * browsers in, {@link NowggApplicationTokenService} gets tokens for the application itself. Use it together with
 * `NowggAuthModule`.
 *
 * @example
 * ```ts
 * import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { authgear, NowggOAuth2Module } from 'nestjs-nowgg-auth/oauth2';
 *
 * const clientId = process.env.AUTHGEAR_CLIENT_ID ?? '';
 * const redirectUri = 'https://game.example.com/auth/authgear/callback';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   identityProviders: [authgear({ endpoint: 'https://myapp.authgear.cloud', clientId, redirectUri })],
 *   tokenStore: memoryTokenStore(),
 *   tokens: { encryptionKeys: [{ id: 'k1', key: process.env.NOWGG_KEY_1 ?? '' }] },
 * });
 * export const browserSignIn = NowggOAuth2Module.forRoot({ routes: true, returnTo: ['/lobby'] });
 * ```
 */
@Module({})
export class NowggOAuth2Module {
  static forRoot(options: NowggOAuth2ModuleOptions = {}): DynamicModule {
    const { imports = [], isGlobal = true, routes, ...policy } = options;
    const faults = faultsOf({ isGlobal: TRUE_OR_FALSE, routes: routesFaults }, { isGlobal, routes });
    const routesOptions = routesOf(routes);
    const hasNoPage = routesOptions !== undefined && policy.returnTo?.length === 0;
    return {
      module: NowggOAuth2Module,
      global: isGlobal,
      imports,
      controllers: routesOptions
        ? [authorizationController(routesOptions), backchannelLogoutController(routesOptions)]
        : [],
      providers: [
        {
          provide: AUTHORIZATION_POLICY,
          useFactory: ({ tokens }: ResolvedNowggAuthOptions) =>
            resolveAuthorizationPolicy(policy, [
              ...faults,
              ...(hasNoPage && tokens?.sessions.binding === 'required' ? [NO_PAGE] : []),
            ]),
          inject: [RESOLVED_OPTIONS],
        },
        NowggAuthorizationService,
        NowggApplicationTokenService,
        BackchannelLogout,
      ],
      exports: [NowggAuthorizationService, NowggApplicationTokenService],
    };
  }
}
