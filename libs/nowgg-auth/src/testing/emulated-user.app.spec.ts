import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { NowggAuthModule, NowggUser, RequireScopes } from 'nestjs-nowgg-auth';
import { asEmulatedUser, emulatorOptions } from 'nestjs-nowgg-auth/testing';
import { startNowggEmulator } from 'nowgg-emulator';

@Controller()
class MeController {
  @Get('me') me(@NowggUser('userId') userId: string) {
    return { userId };
  }
  @Get('profile') @RequireScopes('profile') profile() {
    return {};
  }
}

describe('asEmulatedUser', () => {
  it('signs a request in with tokens of an emulator in this process', async () => {
    await using emulator = await startNowggEmulator();
    const auth = NowggAuthModule.forRoot({ ...emulatorOptions(emulator), globalGuard: true, strategyName: false });
    const module = await Test.createTestingModule({ imports: [auth], controllers: [MeController] }).compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
      const statusOf = async (path: string, headers: Record<string, string>) =>
        (await fetch(`${url}${path}`, { headers })).status;
      expect(await statusOf('/me', asEmulatedUser(emulator, 'new-player'))).toBe(200);
      expect(await statusOf('/me', asEmulatedUser(emulator, 'new-player', { tokenType: 'id_token' }))).toBe(200);
      expect(await statusOf('/profile', asEmulatedUser(emulator, 'new-player'))).toBe(403);
      expect(await statusOf('/profile', asEmulatedUser(emulator, 'p', { scopes: ['email', 'profile'] }))).toBe(200);
      expect(await statusOf('/me', asEmulatedUser(emulator, 'p', { lifetimeSeconds: -60 }))).toBe(401);
      // Every refusal of the emulator is believed at once.
      for (let i = 0; i < 6; i += 1) expect(await statusOf('/me', { authorization: `Bearer no-token-${i}` })).toBe(401);
    } finally {
      await app.close();
    }
  });
});
