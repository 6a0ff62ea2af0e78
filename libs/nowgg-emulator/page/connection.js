/** How long after a refused stream the next is tried. A dropped one is opened again by the browser itself. */
const pauseMs = 2_000;

/**
 * Follows the state of the emulator while the page is visible; again after each outage.
 *
 * @param {(state: any) => void} onState
 * @param {(status: 'live' | 'lost' | 'paused') => void} onStatus
 */
export function follow(onState, onStatus) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let pause;

  const open = () => {
    clearTimeout(pause);
    source?.close();
    const opened = new EventSource('/_control/events');
    source = opened;
    opened.addEventListener('open', () => onStatus('live'));
    opened.addEventListener('message', ({ data }) => onState(JSON.parse(data)));
    opened.addEventListener('error', () => {
      onStatus('lost');
      if (opened.readyState === EventSource.CLOSED) pause = setTimeout(open, pauseMs);
    });
  };
  const close = () => {
    clearTimeout(pause);
    source?.close();
    onStatus('paused');
  };

  // A browser opens six connections to a host: hidden tabs must not keep them.
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  open();
}
