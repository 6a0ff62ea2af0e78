import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebSignInConfig } from '../config/sample-config.js';

/** The parts of oidc-provider that are used; the package ships no types. */
export interface OidcProvider {
  readonly Grant: {
    new (about: { clientId: string; accountId: string }): ProviderGrant;
    find(id: string): Promise<ProviderGrant | undefined>;
  };
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<unknown>;
  interactionFinished(
    request: IncomingMessage,
    response: ServerResponse,
    result: Record<string, unknown>,
  ): Promise<void>;
}

interface ProviderGrant {
  addOIDCScope(scope: string): void;
  addResourceScope(resource: string, scope: string): void;
  save(): Promise<string>;
}

interface GrantContext {
  readonly oidc: {
    readonly provider: OidcProvider;
    readonly client: { readonly clientId: string };
    readonly session: { readonly accountId: string; grantIdFor(clientId: string): string | undefined };
    readonly params: { readonly scope?: string };
    readonly resourceServers: Record<string, unknown>;
  };
}

interface ProviderModule {
  readonly Provider: new (issuer: string, configuration: Record<string, unknown>) => OidcProvider;
  readonly interactionPolicy: {
    base(): { get(prompt: string): { checks: { remove(reason: string): void } } };
  };
}

/** A development dependency without types: loaded when it is needed. */
const packageName: string = 'oidc-provider';

/** Settings of the embedded provider that can change while it runs. */
export interface ProviderSettings {
  readonly tokenLifeSeconds: () => number;
  /** The name of a player who signed in; undefined after a restart. */
  readonly nameOf: (accountId: string) => string | undefined;
}

/**
 * Creates the certified provider, for one client: authorization code flow with PKCE, JWT access tokens, rotating
 * refresh tokens.
 */
export async function createOidcProvider(
  { issuer, clientId, clientSecret, audience, algorithm }: WebSignInConfig,
  redirectUri: string,
  { tokenLifeSeconds, nameOf }: ProviderSettings,
): Promise<OidcProvider> {
  const { Provider, interactionPolicy } = await loadOidcProvider();
  const policy = interactionPolicy.base();
  // A player who has just typed their name has already seen a prompt.
  policy.get('consent').checks.remove('native_client_prompt');
  return new Provider(issuer, {
    jwks: { keys: [newSigningKey(algorithm)] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_basic',
        id_token_signed_response_alg: algorithm,
        // The only type that may return to this machine, on any port.
        application_type: isLoopback(redirectUri) ? 'native' : 'web',
      },
    ],
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access'],
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    ttl: { AccessToken: tokenLifeSeconds, IdToken: 3_600, Interaction: 3_600, ...keptFor(fortnightSeconds) },
    interactions: { policy, url: (_context: unknown, { uid }: { uid: string }) => `/sign-in/${uid}` },
    findAccount: async (_context: unknown, accountId: string) => ({
      accountId,
      claims: async () => ({ sub: accountId, name: nameOf(accountId) }),
    }),
    extraTokenClaims: (_context: unknown, { accountId }: { accountId: string }) => ({ name: nameOf(accountId) }),
    loadExistingGrant: grantOfEverything,
    renderError: (context: { type: string; body: unknown }) => {
      context.type = 'text/plain';
      context.body = 'This sign-in cannot go on: go back to the game and begin again.\n';
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'openid offline_access',
          audience,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  });
}

const fortnightSeconds = 1_209_600;
const keptFor = (seconds: number) => ({ RefreshToken: seconds, Grant: seconds, Session: seconds });

/** The grant of a player, without a consent prompt: there is one game, and it is this one. */
export async function grantOfEverything(context: GrantContext): Promise<ProviderGrant | undefined> {
  const { provider, client, session, params, resourceServers } = context.oidc;
  const existing = session.grantIdFor(client.clientId);
  // A new grant would end the tokens that the player's other tab is about to get.
  if (existing !== undefined) return provider.Grant.find(existing);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope(params.scope ?? 'openid');
  for (const resource of Object.keys(resourceServers)) grant.addResourceScope(resource, params.scope ?? '');
  await grant.save();
  return grant;
}

/** A new signing key for each start, made in a millisecond. */
function newSigningKey(algorithm: string): Record<string, unknown> {
  const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(`${jwk.x}`).digest('base64url').slice(0, 16);
  return { ...jwk, kid, alg: algorithm, use: 'sig' };
}

function isLoopback(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && (hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname));
}

let loaded: Promise<ProviderModule> | undefined;

/** Loads the package and mutes its advice for production: this provider serves development and tests only. */
export function loadOidcProvider(): Promise<ProviderModule> {
  if (loaded) return loaded;
  for (const level of ['warn', 'info'] as const) {
    const write = console[level];
    console[level] = (...parts: unknown[]) => {
      if (!String(parts[0]).includes('oidc-provider')) write(...parts);
    };
  }
  loaded = import(packageName) as Promise<ProviderModule>;
  return loaded;
}
