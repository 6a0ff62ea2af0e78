import type { ServerMetadata } from 'openid-client';
import type { OAuth2Settings } from './oauth2-settings.js';

/** A contradiction between metadata and options. `stops`: no sign-in is possible, so none is started. */
export interface MetadataFault {
  readonly detail: string;
  readonly stops: boolean;
}

/** The registered name of each method of client authentication. */
const AUTHENTICATION = {
  basic: 'client_secret_basic',
  post: 'client_secret_post',
  none: 'none',
  client_secret_jwt: 'client_secret_jwt',
  private_key_jwt: 'private_key_jwt',
} as const satisfies Record<OAuth2Settings['clientAuthentication'], string>;

type Settings = Pick<OAuth2Settings, 'clientAuthentication' | 'idTokenAlgorithm' | 'redirectUri' | 'scopes'>;

/**
 * Compares discovered metadata with the options. Lists that the metadata leaves out say nothing, although the standards
 * define defaults: many documents are incomplete.
 */
export function metadataFaults(metadata: ServerMetadata, settings: Settings): MetadataFault[] {
  const { clientAuthentication, idTokenAlgorithm, redirectUri, scopes } = settings;
  const faults: MetadataFault[] = [];
  const note = (detail: string, stops = false) => void faults.push({ detail, stops });
  const lacks = (name: string, value: string) => {
    const list = metadata[name];
    return Array.isArray(list) && list.length > 0 && !list.includes(value);
  };
  const methods = 'token_endpoint_auth_methods_supported';
  if (lacks(methods, AUTHENTICATION[clientAuthentication])) {
    const offered = Object.entries(AUTHENTICATION).filter(([, method]) => !lacks(methods, method));
    note(`clientAuthentication is not offered: the metadata lists ${namesOf(offered) ?? 'none of the options'}`);
  }
  if (redirectUri === undefined) return faults;
  if (scopes.includes('openid') && lacks('id_token_signing_alg_values_supported', idTokenAlgorithm)) {
    note('idTokenAlgorithm is not among the algorithms that the metadata lists');
  }
  if (metadata.require_signed_request_object === true) {
    note('the identity system requires signed request objects, which this module does not send', true);
  }
  if (lacks('response_modes_supported', 'query')) {
    note('the identity system does not return the browser by query (response_modes_supported)', true);
  }
  if (lacks('code_challenge_methods_supported', 'S256')) {
    note('the identity system does not support PKCE with S256 (code_challenge_methods_supported)');
  }
  return faults;
}

function namesOf(offered: readonly (readonly [string, string])[]): string | undefined {
  return offered.length === 0 ? undefined : offered.map(([option]) => option).join(', ');
}
