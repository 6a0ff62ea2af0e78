import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { NowggAuthModule } from './nowgg-auth.module.js';

/** One copy of the package, with the copy of Nest that it was loaded with. */
type Copy = { NowggAuthModule: typeof NowggAuthModule; Test: typeof Test };
const firstCopy: Copy = { NowggAuthModule, Test };

const open: INestApplication[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function create(copy: Copy): Promise<INestApplication> {
  const imports = [copy.NowggAuthModule.forRoot({ clientId: 'game', strategyName: false })];
  const app = (await copy.Test.createTestingModule({ imports }).compile()).createNestApplication({ logger: false });
  open.push(app);
  return app;
}

const boot = async (copy: Copy): Promise<INestApplication> => (await create(copy)).init();

async function loadSecondCopy(): Promise<Copy> {
  jest.resetModules();
  const copy = { ...(await import('./nowgg-auth.module.js')), ...(await import('@nestjs/testing')) };
  expect(copy.NowggAuthModule).not.toBe(NowggAuthModule);
  return copy;
}

describe('a second copy of the package', () => {
  const refusal = /another copy of nestjs-nowgg-auth.*npm ls nestjs-nowgg-auth/;

  it('refuses to boot beside an application of the first', async () => {
    const first = await boot(firstCopy);
    await boot(firstCopy);
    await first.close();
    await expect(boot(await loadSecondCopy())).rejects.toThrow(refusal);
  });

  it('boots once the applications of the first are closed, and then the first is refused', async () => {
    await (await boot(firstCopy)).close();
    await boot(await loadSecondCopy());
    await expect(boot(firstCopy)).rejects.toThrow(refusal);
  });

  it('refuses at the end of a start, when an application of the first has started meanwhile', async () => {
    const late = await create(await loadSecondCopy());
    await boot(firstCopy);
    await expect(late.init()).rejects.toThrow(refusal);
  });
});
