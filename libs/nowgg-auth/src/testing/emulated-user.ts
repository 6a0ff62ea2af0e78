import type { NowggAuthOptions } from '../options/options.js';
import type { TokenType } from '../principal.js';
import { noteSecret } from './noted-secrets.js';
import type { TestUserHeaders } from './test-user.js';

/** The parts of a running `nowgg-emulator` that the test kit uses. */
export interface EmulatorOfTest {
  readonly url: string;
  readonly players: readonly { readonly userId: string }[];
  addPlayer(player: { userId: string }): unknown;
  issueTokens(request: {
    userId: string;
    clientId?: string | undefined;
    scope?: string | undefined;
    lifetimeSeconds?: number | undefined;
  }): { readonly token: string };
  issueIdToken(request: {
    userId: string;
    clientId?: string | undefined;
    lifetimeSeconds?: number | undefined;
  }): string;
}

/** The emulator's default client. */
const DEMO_CLIENT = { clientId: 'demo-client', clientSecret: 'demo-secret' };

/**
 * Options of the module for an application whose now.gg is an emulator in this process.
 *
 * @param client a client that the emulator was started with. Default: the emulator's own `demo-client`
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { asEmulatedUser, emulatorOptions } from 'nestjs-nowgg-auth/testing';
 * import { startNowggEmulator } from 'nowgg-emulator';
 *
 * export async function prepare() {
 *   const emulator = await startNowggEmulator();
 *   const auth = NowggAuthModule.forRoot({ ...emulatorOptions(emulator), globalGuard: true });
 *   return { auth, headers: asEmulatedUser(emulator, 'player-1', { scopes: ['profile'] }) };
 * }
 * ```
 */
export function emulatorOptions(
  { url }: Pick<EmulatorOfTest, 'url'>,
  client: { readonly clientId: string; readonly clientSecret: string } = DEMO_CLIENT,
): Pick<NowggAuthOptions, 'clientId' | 'clientSecret' | 'baseUrl' | 'verification'> {
  // Every refusal of the emulator is about the token: the secret is right.
  return { ...client, baseUrl: url, verification: { refusalsAreDefinite: true } };
}

/** What the token of an emulated user says. */
export interface EmulatedUserOptions {
  /** Default `token`. */
  readonly tokenType?: TokenType;
  /** Granted scopes of a `token`. Default `email`. */
  readonly scopes?: readonly string[];
  /** Life of the token in seconds; zero or negative makes an expired one. Default: the emulator's. */
  readonly lifetimeSeconds?: number;
  /** Default: the emulator's first client. */
  readonly clientId?: string;
}

/** Headers of a request with a token that the emulator has issued. Adds the player if the emulator does not know them. */
export function asEmulatedUser(
  emulator: EmulatorOfTest,
  userId: string,
  { tokenType = 'token', scopes, lifetimeSeconds, clientId }: EmulatedUserOptions = {},
): TestUserHeaders {
  if (!emulator.players.some((player) => player.userId === userId)) emulator.addPlayer({ userId });
  const request = { userId, clientId, lifetimeSeconds };
  const token =
    tokenType === 'id_token'
      ? emulator.issueIdToken(request)
      : emulator.issueTokens({ ...request, scope: scopes?.join(' ') }).token;
  noteSecret(token);
  return { authorization: `Bearer ${token}` };
}
