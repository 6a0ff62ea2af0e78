import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { configure, SessionUnavailableError } from 'nowgg-auth-client';
import { startNowggEmulator } from 'nowgg-emulator';
import { newDataDirectory } from '../support/sample/data-directory.js';
import { freePort } from '../support/servers/free-port.js';
import { installedShells, paste, SampleProcess, workspace } from '../support/sample/sample-process.js';

const processes: SampleProcess[] = [];
let parent: string;

const start = (variables: Readonly<Record<string, string>> = {}) => {
  const started = new SampleProcess({ NOWGG_SAMPLE_DATA_DIR: path.join(parent, 'data'), ...variables });
  processes.push(started);
  return started;
};

/** The printed walk-through: what is to be pasted, and the lines that it says will come. */
function readWalkThrough(stdout: string): { commands: string; prints: RegExp[] } {
  const commands = stdout.slice(stdout.indexOf(": '1."), stdout.indexOf('now.gg: '));
  const lines = commands.split('\n').flatMap((line) => /^: {4}'(.*)'$/.exec(line)?.[1] ?? []);
  const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return { commands, prints: lines.map((line) => new RegExp(`^${line.split('…').map(literally).join('.*')}$`)) };
}

/** Files and directories that other users of this machine may read, write or enter. */
async function openToOthers(directory: string): Promise<string[]> {
  const names = [
    directory,
    ...(await readdir(directory, { recursive: true })).map((name) => path.join(directory, name)),
  ];
  const modes = await Promise.all(names.map(async (name) => (await stat(name)).mode & 0o077));
  return names.filter((_, index) => modes[index] !== 0);
}

beforeAll(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'nowgg-sample-'));
  execFileSync(process.execPath, ['tools/build.mjs'], { cwd: workspace });
}, 240_000);
afterEach(async () => {
  for (const started of processes.splice(0)) await started.kill();
});
afterAll(() => rm(parent, { recursive: true, force: true }));

/** Resolves when a program listens on this port. */
async function untilTaken(port: number): Promise<void> {
  for (let isTaken = false; !isTaken; ) {
    const socket = connect(port, '127.0.0.1');
    isTaken = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    // Not at once: the start needs the processor.
    if (!isTaken) await wait(20);
  }
}

describe('npm start', () => {
  it('builds, and starts the file that these tests start', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(workspace, 'package.json'), 'utf8'));
    expect(`${scripts.prestart ?? ''} ${scripts.start}`).toMatch(/\bbuild\b.*\bnode apps\/sample\/dist\/main\.js$/);
  });

  it('prints a walk-through that does what it says when it is pasted into bash, dash or zsh', async () => {
    const directory = path.join(parent, 'data');
    // As another program may have left it: others may look around in it.
    await mkdir(directory);
    await chmod(directory, 0o755);
    const sample = start();
    await sample.listening();
    expect(sample.stdout).toContain('Creating a new embedded PostgreSQL: this takes 5 to 10 seconds, once.');
    const { commands, prints } = readWalkThrough(sample.stdout);
    expect(prints.length).toBeGreaterThan(10);
    const shells = installedShells();
    expect(shells).toEqual(process.env.CI ? ['dash', 'bash', 'zsh'] : shells);
    for (const shell of shells) {
      const printed = (await paste(commands, shell)).trimEnd().split(/\r?\n/);
      expect([shell, ...printed.map((line, index) => (prints[index]?.test(line) ? 'as announced' : line))]).toEqual([
        shell,
        ...prints.map(() => 'as announced'),
      ]);
    }

    // Its own files and the database's, new and old: for this user only.
    expect(await openToOthers(directory)).toEqual([]);
    const key = /#development=(\S+)/.exec(sample.addressAfter('Browser:'))?.[1] ?? '';
    const desk = (headers: Record<string, string>) =>
      fetch(`${sample.addressAfter('Listening:')}/development/desk`, { headers });
    expect((await desk({ 'x-development-key': key })).status).toBe(200);
    expect((await desk({})).status).toBe(403);
    const second = start();
    expect(await second.ended()).toBe(1);
    expect(second.stderr).toMatch(/^the data directory .* is in use by process \d+: stop it/);

    sample.signal('SIGTERM');
    expect(await sample.ended()).toBe(0);
    expect(sample.stdout).toMatch(/Stopped\.\n$/);
    expect(sample.stderr).toBe('');
    expect((await readdir(directory)).toSorted()).toEqual(['postgres', 'vault.key']);
  }, 180_000);

  it('finds its rows again, also after it was killed, and on Fastify', async () => {
    const loose = path.join(parent, 'data', 'postgres');
    await chmod(loose, 0o755);
    await chmod(path.join(loose, 'pg_hba.conf'), 0o666);
    const killed = start();
    await killed.listening();
    expect(await openToOthers(path.join(parent, 'data'))).toEqual([]);
    expect(killed.stdout).not.toContain('Creating a new');
    killed.signal('SIGKILL');
    await killed.ended();

    const sample = start({ PLATFORM: 'fastify' });
    await sample.listening();
    const { commands, prints } = readWalkThrough(sample.stdout);
    const printed = (await paste(commands)).trimEnd().split(/\r?\n/);
    expect(printed).toHaveLength(prints.length);
    expect(printed.find((line) => line.startsWith('[{"rank":1'))).toContain('"rank":2');
    // npm passes a Ctrl-C on that the terminal has sent to all: two signals, one shutdown.
    sample.signal('SIGINT');
    sample.signal('SIGINT');
    expect(await sample.ended()).toBe(0);
  }, 180_000);

  it('stops when the signal comes while it is still starting', async () => {
    const sample = start({ NOWGG_SAMPLE_DATA_DIR: ':memory:' });
    await sample.printing('Creating');
    sample.signal('SIGTERM');
    expect(await sample.ended()).toBe(0);
    expect(sample.stdout).toMatch(/Stopped\.\n$/);
  }, 180_000);

  const keys = `k1:${randomBytes(32).toString('base64')}`;
  it.each([
    ['signs the players of an earlier start out, whose sessions the emulator has forgotten', undefined, true],
    ['ends no session where the key is of the environment: real players may be among them', keys, false],
  ])(
    '%s',
    async (_what, encryptionKeys, isEnded) => {
      const data = {
        NOWGG_SAMPLE_DATA_DIR: await newDataDirectory(parent),
        ...(typeof encryptionKeys === 'string' && { NOWGG_ENCRYPTION_KEYS: encryptionKeys }),
      };
      const first = start(data);
      await first.listening();
      const code = await fetch(`${first.addressAfter('now.gg:')}/_control/codes`, { method: 'POST' });
      const body = JSON.stringify({ provider: 'nowgg', ...((await code.json()) as { code: string }) });
      const headers = { 'content-type': 'application/json' };
      const login = await fetch(`${first.addressAfter('Listening:')}/auth/login`, { method: 'POST', headers, body });
      const { session, token } = (await login.json()) as { session: string; token: string };
      first.signal('SIGTERM');
      expect(await first.ended()).toBe(0);

      const second = start(data);
      await second.listening();
      expect(second.stdout.includes('Signed out 1 of an earlier start')).toBe(isEnded);
      const url = second.addressAfter('Listening:');
      const refreshed = await fetch(`${url}/auth/refresh`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ session }),
      });
      const answer = isEnded ? [401, 'reauthentication_required'] : [503, 'identity_unavailable'];
      expect([refreshed.status, ((await refreshed.json()) as { errorCode: string }).errorCode]).toEqual(answer);
      expect((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
      second.signal('SIGTERM');
      expect(await second.ended()).toBe(0);
    },
    180_000,
  );

  it('ends at the second signal when the start or its end hangs', async () => {
    // The kernel's list of processes takes no directory, and Node.js tries to make one for ever.
    const port = await freePort();
    const sample = start({ NOWGG_SAMPLE_DATA_DIR: '/proc/nope', PORT: String(port) });
    // Its port is taken before anything is created, and after it has begun to handle signals.
    await untilTaken(port);
    const ended = sample.ended();
    let outcome: unknown;
    while (outcome === undefined) {
      sample.signal('SIGTERM');
      outcome = await Promise.race([ended, wait(200, undefined)]);
    }
    expect([outcome, sample.stderr]).toEqual(['SIGTERM', 'stopped before everything was closed\n']);
  }, 180_000);

  it.each([
    [{ HOST: '192.0.2.1' }, /^HOST is not an address of this machine \(EADDRNOTAVAIL\): set it to one that is/],
    [
      { NOWGG_SAMPLE_DATA_DIR: 'package.json' },
      /^the data directory package\.json cannot be used \(E[A-Z]+\): set NOWGG/,
    ],
    [
      { DATABASE_URL: 'postgres://u:planted-password@127.0.0.1:1/none' },
      /^PostgreSQL cannot be reached: is it up .*ECONN/,
    ],
  ])(
    'ends with one sentence that says what to do: %#',
    async (variables, sentence) => {
      const sample = start(variables);
      expect(await sample.ended()).toBe(1);
      expect(sample.stderr).toMatch(sentence);
      expect(sample.stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(sample.stdout + sample.stderr).not.toContain('planted');
    },
    180_000,
  );

  it.each([
    ['a lost key', async (directory: string) => rm(path.join(directory, 'vault.key'))],
    ['a damaged key', async (directory: string) => writeFile(path.join(directory, 'vault.key'), 'damaged\n')],
    [
      'a damaged database',
      async (directory: string) => writeFile(path.join(directory, 'postgres', 'PG_VERSION'), '7\n'),
    ],
  ])(
    'says how to start afresh after %s',
    async (_what, damage) => {
      const directory = path.join(parent, 'data');
      const copy = path.join(parent, `damaged-${randomBytes(4).toString('hex')}`);
      await cp(directory, copy, { recursive: true });
      await damage(copy);
      const sample = start({ NOWGG_SAMPLE_DATA_DIR: copy });
      expect(await sample.ended()).toBe(1);
      expect(sample.stderr).toContain(`To start afresh, delete ${copy}`);
      expect(sample.stderr.trimEnd().split('\n')).toHaveLength(1);
    },
    180_000,
  );

  it.each([
    [
      { NOWGG_CLIENT_ID: 'game', NOWGG_CLIENT_SECRET: 'planted-secret' },
      /NOWGG_ENCRYPTION_KEYS="k1:\$\(openssl rand -base64 32\)"/,
    ],
    [{ PORT: 'planted-port' }, /PORT has to be a whole number/],
    [{ DATABASE_URL: 'postgres://127.0.0.1:1/none' }, /ECONNREFUSED/],
  ])(
    'ends with code 1 and says why: %#',
    async (variables, sentence) => {
      const sample = start({ NOWGG_SAMPLE_DATA_DIR: ':memory:', ...variables });
      expect(await sample.ended()).toBe(1);
      expect(sample.stderr).toMatch(sentence);
      expect(sample.stdout + sample.stderr).not.toContain('planted');
    },
    180_000,
  );

  it('starts no emulator when it is told of a now.gg app, and asks that one', async () => {
    const client = { clientId: 'studio', clientSecret: 'planted-secret' };
    const nowgg = await startNowggEmulator({ clients: [client] });
    const sample = start({
      NOWGG_SAMPLE_DATA_DIR: await newDataDirectory(parent),
      NOWGG_CLIENT_ID: client.clientId,
      NOWGG_CLIENT_SECRET: client.clientSecret,
      NOWGG_BASE_URL: nowgg.url,
      NOWGG_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    });
    await sample.listening();
    expect(sample.stdout).toContain(`now.gg:     ${nowgg.url}\n`);
    // The tour is for development; a production log has none.
    expect(sample.stdout).not.toContain('curl');
    const login = await fetch(`${sample.addressAfter('Listening:')}/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ provider: 'nowgg', code: nowgg.issueCode() }),
    });
    expect(login.status).toBe(200);
    expect(sample.stdout + sample.stderr).not.toContain('planted');
    // In production there is no emulator and no support desk.
    expect(sample.stdout).not.toContain('Web sign-in:');
    for (const path of ['/admin', '/development/desk', '/auth/web/authorize']) {
      const { status } = await fetch(`${sample.addressAfter('Listening:')}${path}`, { redirect: 'manual' });
      expect([path, status]).toEqual([path, 404]);
    }
    sample.signal('SIGTERM');
    expect(await sample.ended()).toBe(0);
    await nowgg.close();
  }, 180_000);

  it.each(['express', 'fastify'])(
    'limits the sign-ins of an address on %s: 429 with Retry-After, no session is lost, guarded routes have no limit',
    async (PLATFORM) => {
      const sample = start({ PLATFORM, SIGN_INS_PER_MINUTE: '2' });
      await sample.listening();
      const [url, emulator] = [sample.addressAfter('Listening:'), sample.addressAfter('now.gg:')];
      const code = async () => {
        const answer = await fetch(`${emulator}/_control/codes`, { method: 'POST' });
        return ((await answer.json()) as { code: string }).code;
      };
      const client = configure({ baseUrl: url });
      await client.login(await code(), { provider: 'nowgg' });
      await client.login(await code(), { provider: 'nowgg' });

      const body = JSON.stringify({ provider: 'nowgg', code: await code() });
      const headers = { 'content-type': 'application/json' };
      const refused = await fetch(`${url}/auth/login`, { method: 'POST', headers, body });
      expect(refused.status).toBe(429);
      const expected = { statusCode: 429, message: 'too many requests', errorCode: 'too_many_requests' };
      expect(await refused.json()).toEqual(expected);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30);
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);

      const refusal = await client.login(await code(), { provider: 'nowgg' }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(SessionUnavailableError);
      expect(client.sessionState).toBe('AUTHENTICATED');
      for (let calls = 0; calls < 5; calls += 1) expect((await client.fetch('/me')).status).toBe(200);
      client.close();
      sample.signal('SIGTERM');
      expect(await sample.ended()).toBe(0);
    },
    180_000,
  );

  it('says which port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const sample = start({ PORT: String(port), NOWGG_SAMPLE_DATA_DIR: path.join(parent, 'never') });
    expect(await sample.ended()).toBe(1);
    expect(sample.stderr).toMatch(new RegExp(`^port ${port} is taken: set PORT .*\n$`));
    // Found before anything was created.
    expect(sample.stdout).toBe('Stopped.\n');
    expect(await readdir(parent)).not.toContain('never');
    holder.close();
  }, 180_000);
});
