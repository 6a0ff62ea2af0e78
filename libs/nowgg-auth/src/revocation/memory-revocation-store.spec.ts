import { describeRevocationStore } from '../../../../test/contracts/revocation-store-contract.js';
import { MemoryRevocationStore } from './memory-revocation-store.js';

describeRevocationStore('memory', async () => ({
  store: new MemoryRevocationStore(),
  dispose: async () => undefined,
}));
