import type { ClientAuth } from 'openid-client';

/**
 * Client authentication by HTTP Basic (RFC 6749 section 2.3.1). Id and secret are encoded as in forms (appendix B), with
 * the unreserved characters left as they are: an id or secret of letters, digits and `-._~` is the same header to
 * systems that decode and to those that do not, and the same that `curl -u` sends.
 */
export function clientSecretBasic(clientId: string, clientSecret: string): ClientAuth {
  const credentials = Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64');
  return (_server, _client, _body, headers) => headers.set('authorization', `Basic ${credentials}`);
}

/** The platform leaves `*-._` bare. A bare `~` is decoded to itself too. */
function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1).replaceAll('%7E', '~');
}
