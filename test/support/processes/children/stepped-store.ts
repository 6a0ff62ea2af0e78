import type { TokenStore } from '../../../../libs/nowgg-auth/src/tokens/store/token-store.js';

/**
 * The named steps at which a process can be stopped, as moments before or after an operation of its store.
 * `lease_acquired`, `reply_received` and `committed` belong to a refresh, the others to an exchange.
 */
const STEPS: Readonly<Record<string, { before?: string; after?: string }>> = {
  acquireLease: { after: 'lease_acquired' },
  commitTokens: { before: 'reply_received', after: 'committed' },
  claimExchange: { after: 'claimed' },
  sealExchange: { before: 'code_reply_received', after: 'reply_sealed' },
  resealGrants: { after: 'batch_resealed' },
  completeExchange: { before: 'verified', after: 'grant_created' },
  admitSession: { before: 'admitting', after: 'admitted' },
};

/** A store that holds its process up at a step, once it has said so, until it may go on. */
export function steppedStore(
  store: TokenStore,
  reached: (step: string) => void,
): { store: TokenStore; pauseAt(step: string): void; resume(): void } {
  let pausing = '';
  let resume: () => void = () => undefined;
  const pass = async (step: string | undefined) => {
    if (step === undefined || step !== pausing) return;
    pausing = '';
    const resumed = new Promise<void>((resolve) => {
      resume = resolve;
    });
    reached(step);
    await resumed;
  };
  const stepped = new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => Promise<unknown>;
      const { before, after } = STEPS[String(name)] ?? {};
      return async (...args: unknown[]) => {
        await pass(before);
        const result = await operation(...args);
        await pass(after);
        return result;
      };
    },
  });
  return {
    store: stepped,
    pauseAt: (step) => {
      pausing = step;
    },
    resume: () => resume(),
  };
}
