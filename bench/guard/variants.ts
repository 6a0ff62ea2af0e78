/** The kind of credential that a variant's requests carry. */
export type TokenKind = 'nowgg' | 'hs256' | 'rs256';

/** One way to guard the route. */
export interface Variant {
  readonly name: string;
  readonly title: string;
  /** Unguarded routes get a token too: its bytes are parsed either way. */
  readonly tokens: TokenKind;
  /** Whether a request without a token is refused. */
  readonly guards: boolean;
  /** Asks the identity system on every request. */
  readonly asksEveryTime?: true;
  /** Slower than the others by far: gets a fifth of the requests. */
  readonly isSlow?: true;
}

/** In the order of the printed table; the others are compared with the first. */
export const variants = [
  { name: 'unguarded', title: 'no guard', tokens: 'nowgg', guards: false },
  { name: 'nowgg-guard', title: '**`NowggAuthGuard`**, warm cache', tokens: 'nowgg', guards: true },
  { name: 'nowgg-strategy', title: "**`AuthGuard('nowgg')`**, warm cache", tokens: 'nowgg', guards: true },
  { name: 'passport-http-bearer', title: 'passport-http-bearer, a `Map`', tokens: 'nowgg', guards: true },
  { name: 'passport-jwt-hs256', title: 'passport-jwt, HS256, `KeyObject`', tokens: 'hs256', guards: true },
  { name: 'passport-jwt-rs256', title: 'passport-jwt, RS256, `KeyObject`', tokens: 'rs256', guards: true },
  {
    name: 'oauth2-guard',
    title: '**`NowggAuthGuard`** with `oauth2()`, RS256, warm cache',
    tokens: 'rs256',
    guards: true,
  },
  {
    name: 'oauth2-guard-cold',
    title: '**`NowggAuthGuard`** with `oauth2()`, RS256, every token new',
    tokens: 'rs256',
    guards: true,
  },
  { name: 'passport-jwks-rsa', title: 'passport-jwt and jwks-rsa, RS256', tokens: 'rs256', guards: true, isSlow: true },
  { name: 'jose-rs256', title: 'jose in a guard, RS256', tokens: 'rs256', guards: true },
  { name: 'oauth2-jwt-bearer', title: 'express-oauth2-jwt-bearer, RS256', tokens: 'rs256', guards: true },
  {
    name: 'nowgg-ask',
    title: '`NowggAuthGuard`, `verify-token` called every time',
    tokens: 'nowgg',
    guards: true,
    asksEveryTime: true,
    isSlow: true,
  },
] as const satisfies readonly Variant[];

export type VariantName = (typeof variants)[number]['name'];

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];
