import 'reflect-metadata';
import path from 'node:path';
import { installedApart } from '../../../tools/installed-apart.mjs';
import { setUps } from './set-ups.js';
import { BetterAuthSystem, type Packages } from './system.js';

/**
 * Runs the OAuth provider of better-auth as identity system: `npm run test:better-auth`. The packages (35 MB, with peers
 * that need exact versions) are installed in a folder of their own, not as a development dependency.
 */
const PACKAGES = ['better-auth@1.7.5', '@better-auth/oauth-provider@1.7.5'];

async function load(folder: string): Promise<Packages> {
  const moduleOf = async (name: string) =>
    (await import(path.join(folder, 'node_modules', ...name.split('/')))) as Record<string, never>;
  const [core, memory, plugins, node, provider] = await Promise.all([
    moduleOf('better-auth/dist/index.mjs'),
    moduleOf('better-auth/dist/adapters/memory-adapter/index.mjs'),
    moduleOf('better-auth/dist/plugins/index.mjs'),
    moduleOf('better-auth/dist/integrations/node.mjs'),
    moduleOf('@better-auth/oauth-provider/dist/index.mjs'),
  ]);
  // The packages are installed when this runs, and so have no types here.
  return { ...core, ...memory, ...plugins, ...node, ...provider } as unknown as Packages;
}

const packages = await load(installedApart(PACKAGES));
let failures = 0;
for (const setUp of setUps) {
  const system = await BetterAuthSystem.start(packages);
  try {
    await setUp.run(system);
    console.log(`ok    ${setUp.name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${setUp.name}: ${error instanceof Error ? error.stack : 'unknown'}`);
  } finally {
    await system[Symbol.asyncDispose]();
  }
}
console.log(`${setUps.length - failures} of ${setUps.length} set-ups behave as expected`);
process.exitCode = failures === 0 ? 0 : 1;
