import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { RouteAudit } from '../audit/route-audit.js';
import { runInTerminal } from '../testing-support/run-command.js';

const FIXTURE = path.join(import.meta.dirname, '../testing-support/previewed-app.ts');

const run = (app: string, ...args: string[]) => runInTerminal(['routes', '--app', app, ...args]);

describe('the command routes', () => {
  it('lists the routes of an application without creating its providers, and what it cannot know', async () => {
    const { exitCode, printed, complained } = await run(`${FIXTURE}#RolesFirstModule`);
    expect({ exitCode, complained }).toEqual({ exitCode: 0, complained: '' });
    expect(printed).toContain('| http | GET /inventory | InventoryController.list | required |');
    expect(printed).toContain('| http | GET /inventory/size | InventoryController.size | open |');
    expect(printed).toContain('- guard_runs_first: PlayerRolesGuard: ');
    expect(printed).toContain('Not known without a start:');
  });

  it('exits with 1 under --check when something is found, and with 0 otherwise', async () => {
    const found = await run(`${FIXTURE}#RolesFirstModule`, '--check', '--json');
    expect(found.exitCode).toBe(1);
    const audit = JSON.parse(found.printed) as RouteAudit & { unknown: string[] };
    expect(audit.findings).toMatchObject([{ kind: 'guard_runs_first', subject: 'PlayerRolesGuard' }]);
    expect(audit.unknown).not.toEqual([]);
    const sound = await run(`${FIXTURE}#soundModule`, '--check', '--json');
    expect(sound.exitCode).toBe(0);
    expect((JSON.parse(sound.printed) as RouteAudit).routes[0]?.guards).toEqual([
      'NowggAuthGuard (global)',
      'PlayerRolesGuard (global)',
    ]);
  });

  it.each([
    [`${FIXTURE}#Absent`, 'does not export a module of this name'],
    [`${FIXTURE}#notAModule`, 'does not export a module of this name'],
    [`${FIXTURE}-planted.js#AppModule`, 'cannot be loaded'],
  ])('answers %s with exit code 1', async (app, problem) => {
    const { exitCode, printed, complained } = await run(app);
    expect({ exitCode, printed }).toEqual({ exitCode: 1, printed: '' });
    expect(complained).toContain(problem);
    expect(complained).not.toContain('planted');
  });
});
