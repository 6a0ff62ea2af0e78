import { createPublicKey, createSecretKey, type JsonWebKey } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  type Provider,
  type Type,
  UnauthorizedException,
} from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import type { Request, Response } from 'express';
import { auth } from 'express-oauth2-jwt-bearer';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { passportJwtSecret } from 'jwks-rsa';
import { Strategy as BearerStrategy } from 'passport-http-bearer';
import { ExtractJwt, Strategy as JwtStrategy, type WithSecretOrKey, type WithSecretOrKeyProvider } from 'passport-jwt';
import type { Identity } from './identity-process.js';

/** The part that Express' and Fastify's requests have in common here. */
interface GuardedRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly query: unknown;
  readonly body: unknown;
  readonly method: string;
  readonly protocol: string;
  readonly originalUrl: string;
  user?: unknown;
}

export type JwtAlgorithm = 'HS256' | 'RS256';

/**
 * passport-jwt with issuer, audience and algorithm pinned. Its key is a key object: text, as documented, would be parsed
 * again for each token.
 */
export function jwtStrategy(name: string, algorithm: JwtAlgorithm, identity: Identity): Provider {
  const { issuer, clientId: audience, hs256Secret, publicJwk } = identity;
  const key =
    algorithm === 'HS256'
      ? createSecretKey(hs256Secret, 'utf8')
      : createPublicKey({ key: publicJwk as JsonWebKey, format: 'jwk' });
  return strategy(name, {
    // The type does not know that key objects are passed to jsonwebtoken as they are.
    secretOrKey: key as unknown as Buffer,
    issuer,
    audience,
    algorithms: [algorithm],
  });
}

/** passport-jwt with the keys that jwks-rsa fetches and keeps. */
export function jwksRsaStrategy(name: string, { issuer, clientId, jwksUri }: Identity): Provider {
  const secretOrKeyProvider = passportJwtSecret({ jwksUri, cache: true });
  return strategy(name, { secretOrKeyProvider, issuer, audience: clientId, algorithms: ['RS256'] });
}

type JwtOptions = Omit<WithSecretOrKey, 'jwtFromRequest'> | Omit<WithSecretOrKeyProvider, 'jwtFromRequest'>;

function strategy(name: string, options: JwtOptions): Provider {
  class BenchedStrategy extends PassportStrategy(JwtStrategy, name) {
    constructor() {
      super({ ...options, jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken() });
    }
    validate(payload: unknown): unknown {
      return payload;
    }
  }
  return BenchedStrategy;
}

/** passport-http-bearer that finds the token in a `Map`: the cost of a session table in memory. */
export function bearerStrategy(name: string, identity: Identity): Provider {
  const users = new Map(identity.tokens.nowgg.map((token, index) => [token, { userId: `player-${index}` }]));
  class BenchedStrategy extends PassportStrategy(BearerStrategy, name) {
    validate(token: string): unknown {
      return users.get(token) ?? false;
    }
  }
  return BenchedStrategy;
}

/** A hand-written guard on jose, with the key set in memory. */
export function joseGuard({ publicJwk, issuer, clientId }: Identity): Type<CanActivate> {
  const keys = createLocalJWKSet({ keys: [publicJwk] });
  const checks = { issuer, audience: clientId, algorithms: ['RS256'] };
  return class JoseGuard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const request = context.switchToHttp().getRequest<GuardedRequest>();
      const [scheme, token] = request.headers.authorization?.split(' ') ?? [];
      if (scheme?.toLowerCase() !== 'bearer' || !token) throw new UnauthorizedException();
      try {
        request.user = (await jwtVerify(token, keys, checks)).payload;
      } catch {
        throw new UnauthorizedException();
      }
      return true;
    }
  };
}

/** express-oauth2-jwt-bearer's middleware called from a guard; keys come from the loopback JWKS and are then cached. */
export function oauth2JwtBearerGuard({ issuer, clientId, jwksUri }: Identity): Type<CanActivate> {
  const handler = auth({ issuer, audience: clientId, jwksUri, tokenSigningAlg: 'RS256' });
  return class OAuth2JwtBearerGuard implements CanActivate {
    async canActivate(context: ExecutionContext): Promise<boolean> {
      const http = context.switchToHttp();
      const request = http.getRequest<GuardedRequest>();
      const asExpress = expressRequestOf(request);
      await new Promise<void>((resolve, reject) => {
        const next = (error?: unknown) => (error ? reject(new UnauthorizedException()) : resolve());
        void handler(asExpress, http.getResponse<Response>(), next);
      });
      request.user = asExpress.auth?.payload;
      return true;
    }
  };
}

/** The middleware was written for Express' request; Fastify's lacks two methods that it calls. */
function expressRequestOf(request: GuardedRequest): Request {
  if ('is' in request) return request as unknown as Request;
  const { headers, query, body, method, protocol, originalUrl } = request;
  const get = (name: string) => headers[name.toLowerCase()];
  return { headers, query, body, method, protocol, originalUrl, get, is: () => false } as unknown as Request;
}
