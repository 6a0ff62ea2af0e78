import type { NowggClock } from '../../clock.js';
import { type Finding, findingsOf } from './doctor-finding.js';

const TIMEOUT_MS = 5_000;
/** Time that the shared cache gives a command, in milliseconds. */
const BUDGET_MS = 25;

const { ok, warning, failed, skipped } = findingsOf('redis');

/** Sends one PING. */
export async function checkRedis(url: string, clock: NowggClock): Promise<Finding> {
  const redis = await import('redis').catch(() => undefined);
  if (!redis) return failed('ping', 'the package redis is not installed', 'npm install redis');
  let client: ReturnType<typeof redis.createClient> | undefined;
  try {
    client = redis.createClient({ url, socket: { connectTimeout: TIMEOUT_MS, reconnectStrategy: false } });
    client.on('error', () => undefined);
    await withinTime(client.connect());
    const startedAtMs = clock.monotonicNow();
    await withinTime(client.ping());
    const tookMs = Math.round(clock.monotonicNow() - startedAtMs);
    return tookMs > BUDGET_MS
      ? warning('ping', `Redis answers in ${tookMs} ms`, `the shared cache waits ${BUDGET_MS} ms: run Redis nearer`)
      : ok('ping', `Redis answers in ${tookMs} ms`);
  } catch (error) {
    return failed(
      'ping',
      `Redis cannot be used (${reasonOf(error)})`,
      'check REDIS_URL; without Redis verdicts are not shared',
    );
  } finally {
    client?.destroy();
  }
}

export function withoutRedis(): Finding {
  return skipped('ping', 'REDIS_URL is not set: processes share no verdicts');
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  const time = AbortSignal.timeout(TIMEOUT_MS);
  return Promise.race([
    work,
    new Promise<never>((_, reject) => time.addEventListener('abort', () => reject(new Error('ETIMEDOUT')))),
  ]);
}

/** Codes, and the first words of Redis errors; nothing else of an error is printed. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const known = /^(?:E[A-Z]{2,30}|WRONGPASS|NOAUTH|NOPERM|LOADING|READONLY)(?=$| )/;
  const found = [code, message].map((text) => (typeof text === 'string' ? known.exec(text)?.[0] : undefined));
  return found.find((text) => text !== undefined) ?? 'no answer';
}
