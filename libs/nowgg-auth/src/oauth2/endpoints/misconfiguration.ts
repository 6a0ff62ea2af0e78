import { publishSecurityEvent } from '../../events/security-events.js';

/** Lasting faults that an answer of the identity system shows. Each sentence names the option or the registration. */
export const MISCONFIGURATIONS = {
  client: 'the token endpoint refuses this client: check clientId, clientAuthentication, clientSecret or key',
  introspectionClient:
    'the introspection endpoint refuses this client: check clientSecret, clientAuthentication and its permission',
  introspectionJwt:
    'the introspection endpoint answers with a JWT: register the client without introspection_signed_response_alg',
  userinfoJwt: 'the userinfo endpoint answers with a JWT: register the client without userinfo_signed_response_alg',
  idTokenAlgorithm: 'idTokenAlgorithm is not the algorithm of the id_tokens',
  idTokenEncrypted: 'id_tokens are encrypted: register the client without id_token_encrypted_response_alg',
  boundTokens:
    'tokens are bound to a key (DPoP or mTLS), which this module cannot prove: register the client without it',
  noPushEndpoint:
    'pushedAuthorizationRequests needs an endpoint that the metadata does not have, or has on a host that is not in ' +
    'endpointHosts',
  codes:
    'the token endpoint refuses the code of every sign-in: check redirectUri and tokenParameters, and that the ' +
    'registration of the client does not require tokens bound to a key (DPoP or mTLS)',
  issuer: 'issuer is not the issuer that its discovery document names',
  discovery: 'issuer has no discovery document at its address',
  authorizationRequest:
    'the identity system refuses the authorization request: check redirectUri, scopes, authorizationParameters, ' +
    'pushedAuthorizationRequests and the registration of the client',
} as const;

export type Misconfiguration = (typeof MISCONFIGURATIONS)[keyof typeof MISCONFIGURATIONS];

/** Reports a lasting fault to the operator. @param detail a fixed sentence that names the option */
export function publishMisconfiguration(provider: string, detail: string): void {
  publishSecurityEvent({ type: 'misconfigured_provider', provider, detail });
}
