import type { RevocationView } from '../revocation/revocation-feed.js';

/** Nothing is revoked, and that is known. */
export const NO_REVOCATIONS: RevocationView = {
  isLoaded: true,
  isCurrentAt: () => true,
  refuses: () => false,
  findBan: () => undefined,
  causeOf: () => undefined,
  refusedBefore: () => false,
  learn: () => undefined,
  noteLead: () => undefined,
};
