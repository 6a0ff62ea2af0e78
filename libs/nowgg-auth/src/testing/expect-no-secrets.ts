import { AssertionError } from 'node:assert';
import { beginNoting, endNoting } from './noted-secrets.js';
import { tapOutput } from './output-tap.js';

/** What {@link expectNoSecrets} passes to its function. */
export interface SecretWatch {
  /** Watches for this value too: a client secret, a session handle, a token of another source. At least 8 characters. */
  readonly watch: (secret: string) => void;
  /**
   * Searches this text too: output that goes neither to stdout and stderr nor to the console. With this method the object
   * is a destination for pino and other loggers.
   */
  readonly write: (text: string) => void;
}

/** Shorter texts occur by chance. */
const LEAST_LENGTH = 8;

/**
 * Runs a function and fails when a secret comes out meanwhile: on stdout, on stderr, on the console, in an event of this
 * module, or in a text that is passed to `write`. Secrets are all tokens and codes that the test kit makes during the
 * run, each also by its parts, and what is passed to `watch`. Start the application within the run, so that its start is
 * searched as well.
 *
 * @returns what the function returns
 * @throws AssertionError that names each place and shows its line without the secret
 *
 * @example
 * ```ts
 * import { asUser, expectNoSecrets } from 'nestjs-nowgg-auth/testing';
 *
 * export async function searchLogs(url: string) {
 *   await expectNoSecrets(async ({ watch }) => {
 *     watch(process.env.NOWGG_CLIENT_SECRET ?? 'not configured');
 *     await fetch(`${url}/me`, { headers: asUser('player-1') });
 *     await fetch(`${url}/me?access_token=1`, { headers: asUser('player-1') });
 *   });
 * }
 * ```
 */
export async function expectNoSecrets<T>(run: (watch: SecretWatch) => T | Promise<T>): Promise<T> {
  const secrets = beginNoting();
  const output: { place: string; text: string }[] = [];
  const stop = tapOutput((place, text) => void output.push({ place, text }));
  const watch: SecretWatch = {
    watch: (secret) => {
      if (secret.length < LEAST_LENGTH) throw new Error('expectNoSecrets: a secret has at least 8 characters');
      secrets.add(secret);
    },
    write: (text) => void output.push({ place: 'a text of the test', text }),
  };
  try {
    const result = await run(watch);
    refuseSecrets(output, [...secrets].flatMap(withParts));
    return result;
  } finally {
    stop();
    endNoting();
  }
}

/** A token also by its payload and its signature; its first part is the same in all tokens. */
function withParts(secret: string): string[] {
  const parts = secret.split('.').slice(1);
  return [secret, ...parts.filter((part) => part.length >= LEAST_LENGTH)];
}

function refuseSecrets(output: readonly { place: string; text: string }[], secrets: readonly string[]): void {
  const found = output.flatMap(({ place, text }) =>
    text
      .split('\n')
      .filter((line) => secrets.some((secret) => line.includes(secret)))
      .map((line) => `${place}: ${withoutSecrets(line, secrets).slice(0, 200)}`),
  );
  if (found.length === 0) return;
  throw new AssertionError({
    message: `secrets came out:\n${[...new Set(found)].join('\n')}`,
    actual: found,
    expected: [],
  });
}

function withoutSecrets(line: string, secrets: readonly string[]): string {
  return secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line);
}
