import { parseArgs } from 'node:util';
import { errorMessage } from '../error-message.js';
import type { NowggEmulatorOptions } from '../options.js';

/** The parsed command line. */
type Command =
  | { readonly action: 'start'; readonly options: NowggEmulatorOptions }
  | { readonly action: 'help' }
  | { readonly action: 'refuse'; readonly problem: string };

/** The text of `--help`. */
export const help = `Usage: nowgg-emulator [options]

A local now.gg account service for development and tests. State is kept in memory.

  --port <n>             TCP port, 0 for a free one (4000)
  --host <address>       address to listen on (127.0.0.1)
  --allow-remote         permit an address that other machines can reach
  --client-id <id>       the registered app (demo-client)
  --client-secret <s>    its secret (demo-secret)
  --issuer <url>         the iss of all tokens (https://now.gg)
  --allow-origin <o>     an origin, in addition to this machine's, whose pages may get codes; may be repeated
  --token-lifetime <s>   lifetime of a token in seconds (3600)
  --lenient              accept unknown fields, a query and a Basic header
  --help                 this text
`;

const defaultPort = 4000;

/** Reads the arguments after the program's name. */
export function readArguments(args: readonly string[]): Command {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        'allow-remote': { type: 'boolean' },
        'client-id': { type: 'string' },
        'client-secret': { type: 'string' },
        issuer: { type: 'string' },
        'allow-origin': { type: 'string', multiple: true },
        'token-lifetime': { type: 'string' },
        lenient: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help) return { action: 'help' };
    const client = {
      clientId: values['client-id'] ?? 'demo-client',
      clientSecret: values['client-secret'] ?? 'demo-secret',
    };
    return {
      action: 'start',
      options: {
        port: readNumber(values.port, defaultPort),
        clients: [client],
        ...(values.host !== undefined && { host: values.host }),
        ...(values['allow-remote'] !== undefined && { allowRemote: values['allow-remote'] }),
        ...(values.issuer !== undefined && { issuer: values.issuer }),
        ...(values['allow-origin'] !== undefined && { allowedOrigins: values['allow-origin'] }),
        ...(values.lenient === true && { strict: false }),
        ...(values['token-lifetime'] !== undefined && {
          tokenLifetimeSeconds: readNumber(values['token-lifetime'], Number.NaN),
        }),
      },
    };
  } catch (error) {
    return { action: 'refuse', problem: errorMessage(error, 'invalid arguments') };
  }
}

/** Reads a number; NaN for text that is not a number: the emulator's own check of its options then names the option. */
function readNumber(text: string | undefined, absent: number): number {
  if (text === undefined) return absent;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
