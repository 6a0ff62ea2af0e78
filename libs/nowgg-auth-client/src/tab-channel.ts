import { browser } from './browser.js';

/**
 * Tells other tabs that the storage has changed, and listens to them. The channel works with every storage;
 * `localStorage` has its own events, and a page that the browser restores from its cache has missed both.
 */
export function listenToTabs(key: string, onSign: () => void) {
  const stop = new AbortController();
  const channel = browser.BroadcastChannel && new browser.BroadcastChannel(key);
  channel?.addEventListener('message', onSign, stop);
  // Otherwise Node.js would keep the process alive for the channel.
  channel?.unref?.();
  // When the whole storage is cleared, the event names no key.
  const onStorage = (event: { key?: string | null }) => (event.key ?? key) === key && onSign();
  browser.addEventListener?.('storage', onStorage, stop);
  browser.addEventListener?.('pageshow', onSign, stop);
  return {
    tell: () => {
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has one origin and no such argument
      if (!stop.signal.aborted) channel?.postMessage(0);
    },
    close: () => {
      stop.abort();
      channel?.close();
    },
  };
}
