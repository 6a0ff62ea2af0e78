import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { contract } from './contract.js';
import { ScriptedBackend } from './support/scripted-backend.js';
import { World } from './support/world.js';

let backend: ScriptedBackend;
let other: ScriptedBackend;
let world: World;

beforeAll(async () => {
  backend = await ScriptedBackend.start();
  other = await ScriptedBackend.start();
});

afterAll(async () => {
  await backend[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

beforeEach(async () => {
  world = new World(backend.url, other.url);
  await world.reset();
});

afterEach(() => world.close());

describe.each(Object.entries(contract))('in Node.js: %s', (_chapter, facts) => {
  it.each(Object.entries(facts))('%s', async (_fact, holds) => {
    await expect(holds(world)).resolves.toBeUndefined();
  });
});
