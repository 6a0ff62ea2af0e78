#!/usr/bin/env node
// Does what a newcomer does, with the packed packages: a new Nest application, `nest add`, a test that is signed in as a
// player, and a request with and without a token. Nothing is edited by hand; for Fastify, the platform is exchanged first.
//   npm run test:newcomer [-- --cell NAME]… [--list] [--verbose]   without a name all cells, with the seconds of each
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { installNodes } from './node-versions.mjs';
import packLibraries from './pack-libraries.mjs';
import { packedLibraries, tarballOf } from './packed.ts';

const root = path.resolve(import.meta.dirname, '../..');
/** Time for one command, in milliseconds: a machine that is busy elsewhere needs minutes to install. */
const LIMIT_MS = 600_000;

/** `nest new` of Nest 12 asks for the form in a dialogue, so these applications come from the schematic behind it. */
const schematic = (type) => (observe) => [
  path.join(root, 'node_modules/.bin/schematics'),
  '@nestjs/schematics:application',
  '--name=app',
  `--type=${type}`,
  `--observe=${observe}`,
  '--package-manager=npm',
];
const nest11 = ['npx', '--yes', '@nestjs/cli@11', 'new', 'app', '--skip-git', '--skip-install', '-p', 'npm'];
const forms = {
  'nest11-cjs-jest': { command: () => nest11, nodes: ['22', '24'], observes: [false] },
  'nest12-esm-vitest': { command: schematic('esm'), nodes: ['22', '24'], observes: [false, true] },
  // Nest 12 itself does not load in Jest on earlier versions of Node.js.
  'nest12-cjs-jest': { command: schematic('cjs'), nodes: ['24'], observes: [false, true] },
};
const cells = Object.entries(forms).flatMap(([form, { command, nodes, observes }]) =>
  nodes.flatMap((node) =>
    ['express', 'fastify'].flatMap((platform) =>
      observes.map((observe) => ({
        name: `${form}-${platform}${observe ? '-observe' : ''}-node${node}`,
        command: command(observe),
        node,
        platform,
      })),
    ),
  ),
);

const { values } = parseArgs({
  options: {
    cell: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
if (values.list) {
  for (const { name } of cells) console.log(name);
  process.exit(0);
}
const unknown = values.cell?.find((name) => !cells.some((cell) => cell.name === name));
if (unknown !== undefined) throw new Error(`there is no cell ${unknown}: --list names them`);
const chosen = cells.filter(({ name }) => values.cell?.includes(name) ?? true);

packLibraries();
const [library, emulator] = ['nestjs-nowgg-auth', 'nowgg-emulator'].map((name) =>
  tarballOf(packedLibraries().find((packed) => packed.name === name)),
);
const failed = [];
for (const cell of chosen) {
  const started = Date.now();
  try {
    await tryOut(cell);
    console.log(`ok      ${cell.name}, ${Math.round((Date.now() - started) / 1000)} s`);
  } catch (error) {
    failed.push(cell.name);
    console.error(`FAILED  ${cell.name}: ${error.message}`);
  }
}
process.exit(failed.length === 0 ? 0 : 1);

async function tryOut({ command, node, platform }) {
  const parent = realpathSync(mkdtempSync(path.join(tmpdir(), 'nowgg-newcomer-')));
  const folder = path.join(parent, 'app');
  const [bin] = installNodes([node]);
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH}`, CI: 'true' };
  try {
    run(command, parent, env);
    if (platform === 'fastify') useFastify(folder);
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline'];
    // What `nest add` begins with, for packages that are not published.
    const added = run(['npm', 'install', ...quiet, library, emulator], folder, env);
    run(['npx', 'nest', 'add', 'nestjs-nowgg-auth', '--skip-install'], folder, env);
    const installed = run(['npm', 'install', ...quiet], folder, env);
    const warnings = `${added}${installed}`.split('\n').filter((line) => /warn.*nowgg/i.test(line));
    if (warnings.length > 0) throw new Error(warnings.join('\n'));
    run(['npm', 'run', 'test:e2e', '--', 'player'], folder, env);
    run(['npm', 'run', 'build'], folder, env);
    await ask(folder, env);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

/** What a team on Fastify has done before. */
function useFastify(folder) {
  const change = (file, edit) => {
    const before = readFileSync(path.join(folder, file), 'utf8');
    const after = edit(before);
    if (after === before) throw new Error(`${file} has another form than expected`);
    writeFileSync(path.join(folder, file), after);
  };
  change('package.json', (text) => text.replaceAll('@nestjs/platform-express', '@nestjs/platform-fastify'));
  change('src/main.ts', (text) =>
    `import { FastifyAdapter } from '@nestjs/platform-fastify';\n${text}`.replace(
      /NestFactory\.create\(\s*AppModule/,
      '$&, new FastifyAdapter()',
    ),
  );
}

/** Starts the application with the emulator: 401 without a token, 200 with one. */
async function ask(folder, env) {
  const [port, emulatorPort] = [await freePort(), await freePort()];
  const address = `http://127.0.0.1:${emulatorPort}`;
  const start = (args, more = {}) => spawn('node', args, { cwd: folder, env: { ...env, ...more }, stdio: 'ignore' });
  const running = [
    start(['node_modules/nowgg-emulator/bin/nowgg-emulator.js', '--port', String(emulatorPort)]),
    start(['dist/main.js'], { PORT: String(port), NOWGG_BASE_URL: address }),
  ];
  try {
    const issued = await answer(running[0], `${address}/_control/tokens`, { method: 'POST' });
    const { token } = await issued.json();
    const me = `http://127.0.0.1:${port}/me`;
    const stranger = await answer(running[1], me, {});
    const player = await answer(running[1], me, { headers: { authorization: `Bearer ${token}` } });
    if (stranger.status !== 401 || player.status !== 200)
      throw new Error(`/me answers ${stranger.status} without a token and ${player.status} with one`);
  } finally {
    const ended = running.filter((child) => child.exitCode === null).map((child) => once(child, 'exit'));
    for (const child of running) child.kill();
    await Promise.all(ended);
  }
}

/** The answer of a program that may still be starting. */
async function answer(child, url, options) {
  for (;;) {
    const reply = await fetch(url, options).catch(() => undefined);
    if (reply) return reply;
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(' ')} ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function run([command, ...args], cwd, env) {
  const began = Date.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: LIMIT_MS });
  if (values.verbose) console.log(`        ${Math.round((Date.now() - began) / 1000)} s: ${command} ${args.join(' ')}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
