import type { SessionStorageAdapter } from './session-storage.js';

/** The part of the Web Locks API that is used. */
export interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; signal?: AbortSignal },
    work: (lock: unknown) => unknown,
  ): Promise<unknown>;
}

interface Channel {
  postMessage(message: unknown): void;
  close(): void;
  addEventListener(type: 'message', listener: () => void, until: Until): void;
  unref?(): void;
}

/** Options of `addEventListener`; an AbortController is one, as it has a signal. */
interface Until {
  readonly signal: AbortSignal;
}

type Listening = (type: string, listener: (event: { key?: string | null }) => void, until: Until) => void;

/** What a browser has and Node.js may lack. Typed here, so that the package needs neither's types. */
export interface Browser {
  readonly localStorage?: SessionStorageAdapter;
  readonly location?: { readonly href: string };
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly addEventListener?: Listening;
}

export const browser = globalThis as unknown as Browser;
