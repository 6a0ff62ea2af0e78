import type { IdentityProviderDefinition } from 'nestjs-nowgg-auth';
import {
  introspection,
  jwt,
  oauth2,
  sami,
  type SamiOptions,
  userinfo,
  type VerificationMethod,
} from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, type IdentitySystem, REDIRECT_URI } from './identity-system.js';

const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };

/** A way to verify access tokens, and the format in which an identity system must issue them for it. */
export interface WebVerification {
  readonly format: 'jwt' | 'opaque';
  /** @param url of the identity system, which is the audience of its tokens */
  readonly method: (url: string) => VerificationMethod;
}

export const WEB_VERIFICATIONS: Readonly<Record<string, WebVerification>> = {
  'jwt()': { format: 'jwt', method: (audience) => jwt({ audience }) },
  'introspection()': { format: 'opaque', method: () => introspection() },
  'userinfo()': { format: 'opaque', method: () => userinfo() },
};

/** The provider `web`, for a system of the shape `authgearShape(format)`. */
export function webProvider({ url }: IdentitySystem, { method }: WebVerification): IdentityProviderDefinition {
  return oauth2({ name: 'web', issuer: url, ...client, clientAuthentication: 'post', verification: method(url) });
}

/** The provider `sami`, for a system of the shape `samiShape`. */
export function samiProvider({ url }: IdentitySystem, options: Partial<SamiOptions> = {}): IdentityProviderDefinition {
  const tokenInfoUrl = `${url}/v1.1/accounts/tokenInfo`;
  return sami({ baseUrl: url, tokenInfoUrl, ...client, ...options });
}
