import { setTimeout as pause } from 'node:timers/promises';
import {
  IdentityProvider,
  type IdentityProviderDefinition,
  type IdentityVerdict,
  type Inspection,
  type TokenOutcome,
} from 'nestjs-nowgg-auth';

export const CLIENT_KEY = 'bench';
const LIFE_MS = 3_600_000;
const LATENCY_MS = 5;

/**
 * An identity system in the process itself: its answers cost almost nothing. It rotates refresh tokens: each
 * `refresh-<grant>-<generation>` gives the tokens of the next generation, so that a token shows its grant and
 * generation.
 */
class InstantProvider extends IdentityProvider {
  override readonly name = 'nowgg';
  override readonly clientKey = CLIENT_KEY;
  override readonly tokenTypes = ['token'] as const;

  override recognises(): boolean {
    return true;
  }

  override inspect(): Inspection {
    return { action: 'ask', tokenType: 'token' };
  }

  override async verify(): Promise<IdentityVerdict> {
    throw new Error('the benchmark verifies nothing');
  }

  override async exchangeCode(): Promise<TokenOutcome> {
    throw new Error('the benchmark exchanges nothing');
  }

  override async refresh(refreshToken: string): Promise<TokenOutcome> {
    await pause(LATENCY_MS);
    const [, grant = '', generation = ''] = /^refresh-(.+)-(\d+)$/.exec(refreshToken) ?? [];
    if (grant === '') return { status: 'refused', code: 'unknown', isFinal: true };
    const next = Number(generation) + 1;
    const tokens = {
      accessToken: `access-${grant}-${next}`,
      accessTokenExpiresAtMs: Date.now() + LIFE_MS,
      refreshToken: `refresh-${grant}-${next}`,
    };
    return { status: 'tokens', tokens };
  }
}

export const instantProvider: IdentityProviderDefinition = { name: 'nowgg', create: () => new InstantProvider() };
