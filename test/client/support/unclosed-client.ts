import { configure } from 'nowgg-auth-client';
import { sharedStorage } from './world.js';

const client = configure({ baseUrl: process.argv[2] ?? '', storage: sharedStorage() });
await client.login('code-of-asha');
process.stdout.write(client.sessionState);
