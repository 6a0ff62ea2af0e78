import { setTimeout as pause } from 'node:timers/promises';
import { issuedIdOf, type NowggEmulator } from 'nowgg-emulator';
import type { AccessToken } from '../../libs/nowgg-auth/src/tokens/store/grant.js';
import type { Member } from './team.js';
import type { SoakGrant } from './soak-database.js';

/** A machine that has other things to do as well must not make a grant look lost. */
const PATIENCE_MS = 60_000;
const ASK_AGAIN_MS = 100;

/**
 * Has a process that took no part refresh the grant, without faults. A grant lives if now.gg took what the vault holds,
 * and the caller got what now.gg issued since.
 *
 * @returns undefined for a grant that lives, otherwise why it counts as lost
 */
export async function reasonOfLoss(
  nowgg: NowggEmulator,
  { grantId, userId }: SoakGrant,
  { name, worker }: Member,
): Promise<string | undefined> {
  const startedAt = Date.now();
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const [answer] = await worker.do('refresh', { grantId });
    if (!answer) return 'the process that asked has ended';
    if ('value' in answer) {
      const id = issuedIdOf((answer.value as AccessToken).token);
      // The process may have made more than one call: an answer that comes late is stored, too.
      const isNew = nowgg.requests.some(
        (call) =>
          call.userId === userId && call.userAgent === name && call.at >= startedAt && call.issued?.token === id,
      );
      return isNew ? undefined : 'the process was given a token that now.gg has not just issued';
    }
    const isPostponed = ['identity_unavailable', 'store_unavailable', 'grant_in_doubt'].includes(answer.error ?? '');
    if (!isPostponed) return answer.error;
    if (performance.now() > until) return `${answer.error} for ${PATIENCE_MS} ms`;
    await pause(ASK_AGAIN_MS);
  }
}
