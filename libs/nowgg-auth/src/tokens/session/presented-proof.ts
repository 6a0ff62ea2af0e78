/** What a request shows for the key of its session, see `NowggTokenService.proofOf`. */
export interface NowggSessionProof {
  /** The header `DPoP`; undefined where there is none. */
  readonly proof: string | undefined;
  readonly method: string;
  /** The path as the client has it, before a router of the application shortens it. */
  readonly path: string;
}

/** A request of Express or Fastify, or of Node itself. */
export interface ProvingRequest {
  /** By their names in lower case. */
  readonly headers?: object | undefined;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** The target before a router has shortened {@link url}. */
  readonly originalUrl?: string | undefined;
}

export function proofOfRequest({
  headers = {},
  method = '',
  url = '',
  originalUrl,
}: ProvingRequest): NowggSessionProof {
  const { dpop } = headers as { readonly dpop?: unknown };
  // Node joins two headers by a comma, which no proof contains.
  const proof = dpop === undefined || typeof dpop === 'string' ? dpop : '';
  return { proof, method, path: originalUrl ?? url };
}
