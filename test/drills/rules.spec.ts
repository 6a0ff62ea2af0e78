import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const ops = path.resolve(import.meta.dirname, '../../ops/prometheus');
const scratch = mkdtempSync(path.join(tmpdir(), 'nowgg-rules-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** What promtool prints. @throws when it is not content */
const proven = async (folder: string) =>
  (await run('promtool', ['test', 'rules', 'alerts.test.yml'], { cwd: folder })).stdout;

describe('the rules of the alerts', () => {
  it('hold every case, with the durations of production', async () => {
    expect(await proven(ops)).toContain('SUCCESS');
  });

  it('do not hold them with one duration changed', async () => {
    const rules = readFileSync(path.join(ops, 'alerts.yml'), 'utf8');
    writeFileSync(path.join(scratch, 'alerts.yml'), rules.replace('for: 1m', 'for: 2m'));
    writeFileSync(path.join(scratch, 'alerts.test.yml'), readFileSync(path.join(ops, 'alerts.test.yml')));
    await expect(proven(scratch)).rejects.toThrow(/NowggIdentityUnreachable/);
  });

  it('are inhibited by rules that Alertmanager accepts', async () => {
    const file = path.join(scratch, 'alertmanager.yml');
    const inhibitions = readFileSync(path.join(ops, 'inhibitions.yml'), 'utf8');
    writeFileSync(file, `route: { receiver: none }\nreceivers: [{ name: none }]\n${inhibitions}`);
    const { stdout } = await run('amtool', ['check-config', file]);
    expect(stdout).toMatch(/SUCCESS[^]*9 inhibit rules/);
  });
});
