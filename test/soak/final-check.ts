import { setTimeout as pause } from 'node:timers/promises';
import { issuedIdOf, type NowggEmulator } from 'nowgg-emulator';
import type { AccessToken } from '../../libs/nowgg-auth/src/tokens/store/grant.js';
import type { Member } from './team.js';
import type { SoakGrant } from './soak-database.js';

const PATIENCE_MS = 15_000;
const ASK_AGAIN_MS = 100;

/**
 * Has a process that took no part refresh the grant, without faults.
 * @returns whether now.gg took what the vault holds, and the caller got what now.gg issued
 */
export async function stillGivesTokens(nowgg: NowggEmulator, { grantId, userId }: SoakGrant, { name, worker }: Member) {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const [answer] = await worker.do('refresh', { grantId });
    if (answer && 'value' in answer) {
      const { token } = answer.value as AccessToken;
      const call = nowgg.requests.findLast((call) => call.userId === userId && call.userAgent === name);
      return call?.issued?.token === issuedIdOf(token);
    }
    const isPostponed = answer?.error === 'identity_unavailable' || answer?.error === 'grant_in_doubt';
    if (!isPostponed || performance.now() > until) return false;
    await pause(ASK_AGAIN_MS);
  }
}
