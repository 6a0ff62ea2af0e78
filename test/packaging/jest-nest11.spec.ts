import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Consumer } from './consumer.js';
import { installedNodes } from './node-versions.mjs';

const minutes = 60_000;

describe('an application of Nest 11 with the Jest settings of `nest new`', () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await Consumer.install('jest-nest11', []);
  }, 8 * minutes);
  afterAll(() => consumer?.remove());

  it('has none of the packages that have no CommonJS form', () => {
    const missing = ['jose', 'oauth4webapi', 'openid-client'].map((name) => consumer.versionOf(name));
    expect(missing).toEqual([undefined, undefined, undefined]);
  });

  it.each(installedNodes())(
    'loads every entry point and is a player in a test, on Node $version',
    async ({ env }) => {
      const jest = ['node_modules/jest/bin/jest.js', '--config', './test/jest-e2e.json', '--runInBand', '--json'];
      const { exitCode, stdout, stderr } = await consumer.run('node', jest, { ...env, NODE_ENV: 'test' });
      const failed = `${stdout.slice(0, 200)}${stderr}`;
      expect({ exitCode, failed }).toEqual({ exitCode: 0, failed: expect.any(String) });
      const report = JSON.parse(stdout) as { numTotalTests: number; numPassedTests: number };
      expect(report.numTotalTests).toBeGreaterThan(16);
      expect(report.numPassedTests).toBe(report.numTotalTests);
    },
    3 * minutes,
  );
});
