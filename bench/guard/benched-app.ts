import 'reflect-metadata';
import {
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  type Provider,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { NowggAuth, NowggAuthGuard, NowggAuthModule, type VerificationOptions } from 'nestjs-nowgg-auth';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import type { Identity } from './identity-process.js';
import {
  bearerStrategy,
  joseGuard,
  jwksRsaStrategy,
  jwtStrategy,
  type JwtAlgorithm,
  oauth2JwtBearerGuard,
} from './peers.js';
import type { Platform, VariantName } from './variants.js';

/** The path of the one route that all applications have. */
export const ROUTE = '/players/me';

/** The guard of the route in one variant, and its dependencies. */
interface Guarding {
  readonly decorators?: readonly ClassDecorator[];
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly providers?: readonly Provider[];
}

/** No verdict expires in the cache while the benchmark runs. */
const ONE_DAY_MS = 86_400_000;
/** Far fewer entries than tokens: when a token is used again, the cache no longer has it. */
export const FORGETFUL: VerificationOptions = { maxEntries: 10 };

/** Creates the application, which is the same for every variant and platform except for the guard. */
export async function createApp(platform: Platform, name: VariantName, identity: Identity): Promise<INestApplication> {
  const { decorators = [], imports = [], providers = [] } = guardings[name](identity);

  @Controller('players')
  class PlayersController {
    @Get('me')
    me(): { readonly online: boolean } {
      return { online: true };
    }
  }
  for (const decorate of decorators) decorate(PlayersController);

  @Module({ imports, controllers: [PlayersController], providers: [...providers] })
  class BenchedModule {}

  const options: NestApplicationOptions = { logger: ['error', 'warn'], abortOnError: false };
  return platform === 'express'
    ? NestFactory.create(BenchedModule, options)
    : NestFactory.create(BenchedModule, new FastifyAdapter(), options);
}

const guardings: Readonly<Record<VariantName, (identity: Identity) => Guarding>> = {
  unguarded: () => ({}),
  'nowgg-guard': (identity) => ({ ...guardedBy(NowggAuthGuard), imports: [nowggModule(identity, false)] }),
  'nowgg-strategy': (identity) => ({ ...guardedBy(AuthGuard('nowgg')), imports: [nowggModule(identity, 'nowgg')] }),
  'passport-http-bearer': (identity) => ({
    ...guardedBy(AuthGuard('bench-bearer')),
    providers: [bearerStrategy('bench-bearer', identity)],
  }),
  'passport-jwt-hs256': (identity) => guardedByJwt('HS256', identity),
  'passport-jwt-rs256': (identity) => guardedByJwt('RS256', identity),
  'oauth2-guard': (identity) => ({ ...guardedBy(NowggAuthGuard), imports: [oauth2Module(identity)] }),
  'oauth2-guard-cold': (identity) => ({ ...guardedBy(NowggAuthGuard), imports: [oauth2Module(identity, FORGETFUL)] }),
  'passport-jwks-rsa': (identity) => ({
    ...guardedBy(AuthGuard('bench-jwks-rsa')),
    providers: [jwksRsaStrategy('bench-jwks-rsa', identity)],
  }),
  'jose-rs256': (identity) => guardedBy(joseGuard(identity)),
  'oauth2-jwt-bearer': (identity) => guardedBy(oauth2JwtBearerGuard(identity)),
  'nowgg-ask': (identity) => ({
    decorators: [UseGuards(NowggAuthGuard), NowggAuth({ maxAgeMs: 0 })],
    imports: [nowggModule(identity, false)],
  }),
};

function guardedBy(guard: Type<CanActivate>): Guarding {
  return { decorators: [UseGuards(guard)] };
}

function guardedByJwt(algorithm: JwtAlgorithm, identity: Identity): Guarding {
  const name = `bench-jwt-${algorithm}`;
  return { ...guardedBy(AuthGuard(name)), providers: [jwtStrategy(name, algorithm, identity)] };
}

/** The module as the variants and the in-process measurement use it. */
export function nowggModule({ clientId, clientSecret, baseUrl, issuer }: Identity, strategyName: string | false) {
  return NowggAuthModule.forRoot({
    clientId,
    clientSecret,
    baseUrl,
    issuer,
    strategyName,
    verification: { maxAgeMs: ONE_DAY_MS },
  });
}

/** The module with an identity system whose access tokens are JWTs (RFC 9068). */
export function oauth2Module({ clientId, issuer, jwksUri }: Identity, verification: VerificationOptions = {}) {
  return NowggAuthModule.forRoot({
    identityProviders: [
      oauth2({
        name: 'bench',
        issuer,
        endpoints: { jwks: jwksUri },
        clientId,
        clientAuthentication: 'none',
        verification: jwt({ audience: clientId }),
      }),
    ],
    strategyName: false,
    verification: { maxAgeMs: ONE_DAY_MS, ...verification },
  });
}
