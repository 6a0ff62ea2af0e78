import type { RefreshTokenRotation } from 'nowgg-emulator';
import type { GameProcessReady, GameProcessStart } from '../../test/support/processes/children/game-process.js';
import { SourceProcess } from '../../test/support/processes/source-process.js';
import { TITLES } from '../../test/support/token-service/nowgg-provider.js';
import { RING } from '../../test/support/token-service/token-service.js';
import { TokenSuite } from '../../test/support/token-service/token-suite.js';
import { markdownTable } from '../support/markdown-table.js';

const GAME = 'test/support/processes/children/game-process.ts';
const PLAYERS = 20;
const MOST_S = 26;
/** Longer than any lease. */
const LATER_MS = 120_000;
const SERVERS: Readonly<Record<string, RefreshTokenRotation>> = { static: 'never', grace: 'grace' };

interface Ending {
  readonly server: string;
  readonly seconds: number;
  readonly exitCode: number | null;
  /** Grants of which another process gets no token afterwards. */
  readonly lost: number;
}

/** Ends a game with its default grace period while now.gg keeps the replies to refreshes. @returns whether all held */
export async function hangingShutdown(): Promise<boolean> {
  const endings: Ending[] = [];
  for (const [server, rotation] of Object.entries(SERVERS)) endings.push(await end(server, rotation));
  const right = (heading: string) => ({ heading, align: 'right' }) as const;
  console.log(
    markdownTable(
      [{ heading: 'refresh tokens' }, right('refreshes'), right('gone after, s'), right('exit code'), right('lost')],
      endings.map(({ server, seconds, exitCode, lost }) => [
        server,
        String(PLAYERS),
        seconds.toFixed(1),
        String(exitCode),
        String(lost),
      ]),
    ),
  );
  return endings.every(({ seconds, lost }) => seconds <= MOST_S && lost === 0);
}

async function end(server: string, rotation: RefreshTokenRotation): Promise<Ending> {
  const suite = await TokenSuite.start(rotation);
  const game = new SourceProcess(GAME);
  try {
    const grantIds = await suite.manySignedInLongAgo(PLAYERS);
    const { url } = await game.ask<GameProcessReady>({
      databaseUrl: suite.url,
      options: { ...TITLES[0], baseUrl: suite.nowgg.url, tokens: { encryptionKeys: [RING[0]] } },
    } satisfies GameProcessStart);
    suite.hold();
    const answers = grantIds.map((id) => fetch(`${url}/generation/${id}`).catch(() => undefined));
    await suite.called(PLAYERS);
    const startedAt = performance.now();
    game.signal('SIGTERM');
    const exitCode = await game.end();
    const seconds = (performance.now() - startedAt) / 1_000;
    await Promise.all(answers);
    suite.release();
    await suite.pass(LATER_MS);
    const later = await Promise.allSettled(grantIds.map((id) => suite.service.getAccessToken(id)));
    return { server, seconds, exitCode, lost: later.filter(({ status }) => status === 'rejected').length };
  } finally {
    await game[Symbol.asyncDispose]();
    await suite.stop();
  }
}
