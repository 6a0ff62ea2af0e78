import { describe, expect, it } from '@jest/globals';
import { VendorClient } from '../testing-support/vendor-client.js';
import { runCommand } from './run.js';

function fakeTerminal() {
  const printed: string[] = [];
  const complained: string[] = [];
  return {
    printed,
    complained,
    print: (text: string) => void printed.push(text),
    complain: (text: string) => void complained.push(text),
  };
}

describe('the command', () => {
  it('starts an emulator for the given client and prints its address and a call that works', async () => {
    const terminal = fakeTerminal();
    const result = await runCommand(['--port', '0', '--client-id', 'game', '--client-secret', 's3cret'], terminal);
    if (!('emulator' in result)) throw new Error('it did not start');
    await using emulator = result.emulator;
    expect(terminal.printed.join('')).toContain(`curl -X POST ${emulator.url}/_control/codes`);
    expect(terminal.printed.join('')).not.toContain('s3cret');
    const exchange = new VendorClient(emulator).exchange(emulator.issueCode(), {
      client_id: 'game',
      client_secret: 's3cret',
    });
    expect((await exchange).body.success).toBe(true);
  });

  it('prints its help', async () => {
    const terminal = fakeTerminal();
    expect(await runCommand(['--help'], terminal)).toEqual({ exitCode: 0 });
    expect(terminal.printed.join('')).toMatch(/^Usage: nowgg-emulator/);
  });

  it('refuses unknown arguments with exit code 2', async () => {
    const terminal = fakeTerminal();
    expect(await runCommand(['--prot', '1'], terminal)).toEqual({ exitCode: 2 });
    expect(terminal.complained.join('')).toContain('--prot');
  });

  it.each([
    [['--port', 'many'], 'port must be 0 to 65535'],
    [['--port', '0', '--host', '0.0.0.0'], 'host is not loopback and allowRemote is not set'],
    [['--port', '0', '--token-lifetime', '0'], 'tokenLifetimeSeconds must be a positive number'],
  ])('says what is wrong with %j', async (args, problem) => {
    const terminal = fakeTerminal();
    expect(await runCommand(args, terminal)).toEqual({ exitCode: 1 });
    expect(terminal.complained.join('')).toContain(problem);
  });

  it('says so when the port is taken', async () => {
    const first = await runCommand(['--port', '0'], fakeTerminal());
    if (!('emulator' in first)) throw new Error('it did not start');
    await using emulator = first.emulator;
    const terminal = fakeTerminal();
    expect(await runCommand(['--port', String(emulator.port)], terminal)).toEqual({ exitCode: 1 });
    expect(terminal.complained.join('')).toContain('EADDRINUSE');
  });
});
