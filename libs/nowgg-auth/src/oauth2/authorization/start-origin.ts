/** The required parts of the request that starts a sign-in. */
export interface AuthorizationStartRequest {
  /** Headers, with names in lower case. */
  readonly headers: {
    readonly cookie?: string | undefined;
    readonly referer?: string | undefined;
    readonly [name: string]: string | readonly string[] | undefined;
  };
}

/**
 * The site that started a sign-in. `unproven`: a request that names neither its site nor its page, as native clients
 * and older browsers send it, or one that is not a navigation.
 */
export type StartOrigin = 'this_site' | 'another_site' | 'unproven';

const THIS_SITE: readonly unknown[] = ['same-origin', 'same-site', 'none'];

/**
 * Reads the origin of a start from headers that pages cannot forge: Fetch Metadata (`Sec-Fetch-Site`), otherwise the
 * `Referer`.
 *
 * @param ownOrigin origin of this site
 * @param startOrigins origins of other sites that may start a sign-in
 */
export function startOriginOf(
  { headers }: AuthorizationStartRequest,
  ownOrigin: string,
  startOrigins: readonly string[],
): StartOrigin {
  const site = headers['sec-fetch-site'];
  const page = originOf(headers.referer);
  const isAllowedPage = page !== undefined && startOrigins.includes(page);
  if (site === undefined) {
    if (page === undefined) return 'unproven';
    return isAllowedPage || page === ownOrigin ? proven(headers) : 'another_site';
  }
  return isAllowedPage || THIS_SITE.includes(site) ? proven(headers) : 'another_site';
}

/** Only a navigation is proven: the address of an image or frame on a page of this site may come from anywhere. */
function proven(headers: AuthorizationStartRequest['headers']): StartOrigin {
  const destination = headers['sec-fetch-dest'];
  return destination === undefined || destination === 'document' ? 'this_site' : 'unproven';
}

function originOf(referer: unknown): string | undefined {
  return typeof referer === 'string' && URL.canParse(referer) ? new URL(referer).origin : undefined;
}
