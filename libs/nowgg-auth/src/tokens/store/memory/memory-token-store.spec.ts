import { describeTokenStore } from '../../../../../../test/contracts/token-store-contract.js';
import { ManualClock } from '../../../testing-support/manual-clock.js';
import { memoryTokenStore } from './memory-token-store.js';

describeTokenStore('memory', async () => {
  const clock = new ManualClock();
  return {
    store: memoryTokenStore().create({ clock }),
    pass: async (ms) => clock.advance(ms),
    dispose: async () => undefined,
  };
});
