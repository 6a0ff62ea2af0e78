import { socketAuth } from '../client/sockets.js';
import { byId, make } from './dom.js';
import { createClient } from './graphql-ws.js';
import { auth } from './session.js';

const query = `subscription ($board: String!) {
  leaderboardChanged(board: $board) { rank displayName points mine }
}`;
const shownRanks = 5;

let client;
/** Ends the subscription of the client. */
let unsubscribe;

/** Shows the best of a board, and each change, as long as the player is signed in. */
export function watchLeaderboard(board) {
  if (client) return;
  const watching = createClient({
    url: `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/graphql`,
    ...socketAuth(auth),
    retryAttempts: Number.POSITIVE_INFINITY,
    on: {
      connected: () => client === watching && tellState('Live.'),
      // The backend says 4401 when the session is over, and the client gives up; other ends come back.
      closed: ({ code }) => client === watching && tellState(code === 4401 ? 'Not live.' : 'Not live. Trying again …'),
    },
  });
  client = watching;
  const sink = {
    next: ({ data }) => data && showRanks(data.leaderboardChanged),
    error: () => client === watching && tellState('Not live.'),
    complete: () => undefined,
  };
  unsubscribe = client.subscribe({ query, variables: { board } }, sink);
}

export function leaveLeaderboard() {
  const left = client;
  client = undefined;
  // Without a subscription, a client that waits to connect again gives up.
  unsubscribe?.();
  unsubscribe = undefined;
  // Rejects when no connection could be opened: then there is nothing to close.
  left?.dispose().catch(() => undefined);
  tellState('');
  byId('ranks').replaceChildren();
}

function tellState(text) {
  byId('ranks-state').textContent = text;
}

function showRanks(ranks) {
  byId('ranks').replaceChildren(
    ...ranks.slice(0, shownRanks).map(({ displayName, points, mine }) => {
      const name = make('span', {}, displayName ?? 'Player without a name');
      return make(
        'li',
        mine ? { class: 'acquired' } : {},
        name,
        mine ? make('span', { class: 'tag' }, 'you') : '',
        make('b', {}, points),
      );
    }),
  );
}
