import { NowggVaultService } from 'nestjs-nowgg-auth';

/**
 * Ends the sessions of earlier starts. The emulator and the embedded OpenID provider keep everything in memory: their
 * tokens of before are worth nothing, so these players are signed out, as they are when an identity system ends a session.
 * Each start has client ids of its own, so every client that has grants now is one of an earlier start.
 *
 * Only where the embedded key encrypts: a database with tokens under any other key is refused at the start, so no session
 * of a real player is among them.
 *
 * @param providers the identity systems that are embedded
 * @returns the number of sessions ended
 */
export async function endFormerSessions(vault: NowggVaultService, providers: readonly string[]): Promise<number> {
  const { clients } = await vault.status();
  let ended = 0;
  for (const { provider, clientKey, grants } of clients) {
    if (grants > 0 && providers.includes(provider)) ended += await vault.end({ provider, client: clientKey });
  }
  return ended;
}
