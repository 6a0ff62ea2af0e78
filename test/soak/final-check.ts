import { setTimeout as pause } from 'node:timers/promises';
import type { AccessToken } from '../../libs/nowgg-auth/src/tokens/store/grant.js';
import type { TokenEndpoint } from '../support/token-endpoint/token-endpoint.js';
import type { Member } from './team.js';
import type { SoakGrant } from './soak-database.js';

const PATIENCE_MS = 15_000;
const ASK_AGAIN_MS = 100;

/**
 * Has a process that took no part refresh the grant, on an endpoint without faults.
 * @returns whether the endpoint took what the vault holds, and the caller got what the endpoint issued
 */
export async function stillGivesTokens(
  endpoint: TokenEndpoint,
  { grantId, userId }: SoakGrant,
  { name, worker }: Member,
) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const [answer] = await worker.do('refresh', { grantId });
    if (answer && 'value' in answer) {
      const { token } = answer.value as AccessToken;
      const call = endpoint.calls.findLast((call) => call.userId === userId && call.caller === name);
      return call?.issued?.access_token === token;
    }
    if (answer?.error !== 'identity_unavailable' || performance.now() > until) return false;
    await pause(ASK_AGAIN_MS);
  }
}
