import type { NowggClock } from '../clock.js';
import type { NowggBan } from '../errors.js';
import { banOf } from './bans.js';
import type { RevocationSubject } from './marks/watermark.js';
import type { RevocationStore } from './revocation-store.js';

/** A ban in force, for support staff. */
export interface NowggBanRecord extends NowggBan {
  /** When it began; undefined when that is not known. Another end or reason does not begin it anew. */
  readonly beganAt?: Date;
  /** Who banned. Absent when the application did not say it. */
  readonly by?: string;
}

/**
 * The ban of a subject, with what the store knows about it. Asks the store only while the ban is in force.
 *
 * @param untilMs end of the ban that its watermark has, in epoch milliseconds
 */
export async function banRecordOf(
  subject: RevocationSubject,
  untilMs: number | undefined,
  store: RevocationStore,
  clock: NowggClock,
): Promise<NowggBanRecord | undefined> {
  if (untilMs === undefined || untilMs <= clock.now()) return undefined;
  const [stored] = await store.findBans([subject]);
  const { by, beganAtMs } = stored ?? {};
  return {
    ...banOf(untilMs, stored),
    ...(beganAtMs !== undefined && { beganAt: new Date(beganAtMs) }),
    ...(by !== undefined && { by }),
  };
}
