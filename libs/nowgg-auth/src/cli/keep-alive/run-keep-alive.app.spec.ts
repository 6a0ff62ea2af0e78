import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runInTerminal } from '../../testing-support/run-command.js';

const FIXTURE = path.join(import.meta.dirname, '../../testing-support/keep-alive-app.ts');

const run = (app: string, ...args: string[]) => runInTerminal(['vault', 'keep-alive', '--app', app, ...args]);

describe('the command vault keep-alive', () => {
  it('uses the identity systems and stores of the application', async () => {
    expect(await run(`${FIXTURE}#StoringModule`, '--dry-run')).toEqual({
      exitCode: 0,
      printed: 'nowgg: would renew 0 grants; nothing was changed\n',
      complained: '',
    });
    const { printed, exitCode } = await run(`${FIXTURE}#StoringModule`, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(printed)).toEqual({
      command: 'keep-alive',
      dryRun: false,
      interrupted: false,
      reports: [{ provider: 'nowgg', due: 0, renewed: 0, failed: 0, ended: 0, complete: true }],
    });
  });

  it.each([
    ['VerifyingModule', 'has no NowggAuthModule with a token store'],
    ['FaultyModule', 'the application does not start: NowggConfigurationError'],
    ['Absent', 'does not export a module of this name'],
  ])('answers %s with exit code 1', async (name, problem) => {
    const { exitCode, printed, complained } = await run(`${FIXTURE}#${name}`);
    expect({ exitCode, printed }).toEqual({ exitCode: 1, printed: '' });
    expect(complained).toContain(problem);
  });
});
