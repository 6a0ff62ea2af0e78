import { type DynamicModule, Module } from '@nestjs/common';
import { NowggAuthModule } from 'nestjs-nowgg-auth';
import { graphql } from 'nestjs-nowgg-auth/graphql';
import { jwt, NowggOAuth2Module, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { typeOrmRevocationStore, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { websockets } from 'nestjs-nowgg-auth/websockets';
import { SampleConfig, type WebSignInConfig } from '../config/sample-config.js';
import { webProvider, webReturnPath } from './providers.js';

/**
 * Every route of the app needs a player's token, unless it has `@Public()`. now.gg and web players pass the same guard.
 */
@Module({})
export class AuthModule {
  /** @param hasTools whether the page can change the lifetime of tokens, and then requests new ones at once */
  static async register(config: SampleConfig, hasTools: boolean): Promise<DynamicModule> {
    // Not loaded where a gateway sets the limits.
    const limit = config.signInsPerMinute === 0 ? undefined : await import('./sign-in-limit.module.js');
    const redis = config.redisUrl === undefined ? undefined : await import('nestjs-nowgg-auth/redis');
    const guards = limit ? [limit.SignInLimitGuard] : [];
    return {
      module: AuthModule,
      imports: [
        ...(limit ? [limit.SignInLimitModule] : []),
        NowggAuthModule.forRootAsync({
          tokenStore: typeOrmTokenStore(),
          // So that every process at once refuses a player who signed out or was banned.
          revocationStore: typeOrmRevocationStore(),
          ...(redis && { sharedCache: redis.redisSharedCache({ url: config.redisUrl ?? '' }) }),
          globalGuard: true,
          transports: [websockets(), graphql()],
          onUnprotected: 'fail',
          // Only the route that game servers may call uses Passport.
          strategyName: config.gameServerKey === undefined ? false : 'nowgg',
          // With it, sessions are bound to a key of the browser. Browsers make keys on secure pages only.
          routes: { path: 'auth', guards, ...(isSecure(config.publicUrl) && { publicUrl: config.publicUrl }) },
          inject: [SampleConfig],
          useFactory: ({ nowgg, web, publicUrl, encryptionKeys }: SampleConfig) => ({
            clientId: nowgg.clientId,
            clientSecret: nowgg.clientSecret,
            baseUrl: nowgg.baseUrl,
            identityProviders: web ? [webIdentityProvider(web, publicUrl)] : [],
            realm: 'game',
            tokens: { encryptionKeys, ...(hasTools && { forcedRefreshMs: 0 }) },
          }),
        }),
        ...(config.web ? [NowggOAuth2Module.forRoot({ routes: { path: 'auth', guards } })] : []),
      ],
    };
  }
}

function isSecure(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

function webIdentityProvider(
  { issuer, clientId, clientSecret, audience, algorithm, prompt }: WebSignInConfig,
  publicUrl: string,
) {
  return oauth2({
    name: webProvider,
    issuer,
    clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    redirectUri: `${publicUrl}${webReturnPath}`,
    verification: jwt({ audience, algorithms: [algorithm] }),
    idTokenAlgorithm: algorithm,
    ...(prompt !== undefined && { authorizationParameters: { prompt } }),
  });
}
