import { NoSessionError, RequestRefusedError, SessionUnavailableError } from '../client/index.js';
import { CallFailure, call, wellAgain } from './calls.js';
import { drawCounters } from './chart.js';
import { deskAddress, developmentHeaders, forgetDevelopmentKey, hasDevelopmentKey } from './development.js';
import { showDevices } from './devices.js';
import { byId, listen, onPress } from './dom.js';
import { board, playRound, showShop } from './game.js';
import { leaveLeaderboard, watchLeaderboard } from './leaderboard.js';
import { joinLobby, leaveLobby, lingerInLobby } from './lobby.js';
import { alert, banSentence, clearAlert, log, tell } from './messages.js';
import { showAccount, showPlayer } from './player.js';
import { auth, codeFromPopup, leaveForNowgg, leaveForWeb, takeReturnedSignIn } from './session.js';
import { showToken } from './token-clock.js';

const beatMs = 2_000;
const returned = takeReturnedSignIn();
let configuration;

const stateTexts = { AUTHENTICATED: 'Signed in', NO_SESSION: 'Not signed in', UNKNOWN: 'Looking for a session …' };
const endings = {
  ENDED: 'Your session is over: it was ended, or you have to sign in again.',
  OTHER_TAB: 'Your session was ended in another tab.',
};

async function signIn(code, provider) {
  try {
    await auth.login(code, { provider });
    clearAlert();
    tell('You are signed in.');
  } catch (error) {
    if (error instanceof RequestRefusedError && error.errorCode === 'user_banned') alert(banSentence(error.details));
    else if (error instanceof RequestRefusedError)
      alert('That code or sign-in is not good, or not good any more. Please begin again.');
    else if (error instanceof SessionUnavailableError)
      alert(`You cannot be signed in at the moment. Try again in ${error.retryAfterSeconds} s.`);
    else if (!(error instanceof NoSessionError)) throw error;
    log('The sign-in failed.', false);
  }
}

/** The player and all that belongs to them. */
async function showSignedIn() {
  const me = await call('GET', '/me');
  if (me instanceof CallFailure) return;
  wellAgain();
  showPlayer(me);
  joinLobby();
  watchLeaderboard(board);
  await Promise.all([showDevices(), showAccount(me), showShop((coins) => showPlayer({ ...me, coins }))]);
}

function onState(state, reason, details) {
  const isIn = state === 'AUTHENTICATED';
  byId('session-state').textContent = stateTexts[state];
  byId('session-state').classList.toggle('on', isIn);
  byId('signed-in').hidden = !isIn;
  byId('signed-out').hidden = state !== 'NO_SESSION';
  showToken();
  if (isIn) void showSignedIn();
  if (!isIn) leaveLeaderboard();
  // Of an end that the backend decided, the server tells the reason on the socket.
  if (!isIn && reason === 'ENDED') lingerInLobby();
  else if (reason !== 'FOUND') leaveLobby();
  if (details?.errorCode === 'user_banned') alert(`Your session is over. ${banSentence(details)}`);
  else if (details?.errorCode === 'signed_in_elsewhere')
    alert('Your session is over: you have signed in on another device.');
  else if (reason === 'ENDED' || (reason === 'OTHER_TAB' && !isIn)) alert(endings[reason]);
  if (reason === 'LOGOUT') tell('You are signed out.');
  if (reason !== 'FOUND' && reason !== 'NOT_FOUND') {
    log(`Session: ${stateTexts[state].toLowerCase()}.`, isIn || reason === 'LOGOUT');
    // What had the focus is hidden now.
    byId(isIn ? 'player-name' : 'sign-in-title').focus();
  }
}

async function beat() {
  if (document.hidden || auth.sessionState !== 'AUTHENTICATED' || !byId('keep-playing').checked) return;
  const me = await call('GET', '/me', { isQuiet: true });
  if (me instanceof CallFailure) return;
  showPlayer(me);
  joinLobby();
}

async function drawLive() {
  if (document.hidden || !hasDevelopmentKey()) return;
  const response = await fetch('/development/counters', { headers: developmentHeaders() }).catch(() => undefined);
  if (response?.status === 403) forgetDevelopmentKey();
  if (response?.ok) drawCounters(await response.json());
}

/** Runs work again and again, with a pause between the end of one and the begin of the next. */
async function repeat(work, pauseMs) {
  for (;;) {
    await work();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function setTokenLife(seconds) {
  const body = { seconds };
  if ((await call('POST', '/development/token-life', { body })) instanceof CallFailure) return;
  if ((await call('POST', '/development/expire-my-token')) instanceof CallFailure) return;
  // The call meets a 401, and the client fetches a token of the new kind.
  await call('GET', '/me');
  tell(seconds < 60 ? `Tokens live ${seconds} seconds now. Watch this one be renewed.` : 'Tokens live an hour again.');
}

function listenToButtons() {
  onPress(byId('sign-in-nowgg'), async () => {
    const code = await codeFromPopup(configuration);
    if (code === null) leaveForNowgg(configuration);
    else if (code === undefined) tell('The sign-in was cancelled.');
    else await signIn(code, 'nowgg');
  });
  onPress(byId('sign-in-here'), () => leaveForNowgg(configuration));
  onPress(byId('sign-in-web'), leaveForWeb);
  listen(byId('code-form'), 'submit', async (event) => {
    event.preventDefault();
    const code = byId('code').value.trim();
    byId('code').value = '';
    await signIn(code, 'nowgg');
  });
  onPress(byId('sign-out'), async () => {
    try {
      await auth.logout();
    } catch (error) {
      if (!(error instanceof SessionUnavailableError)) throw error;
      alert(`You cannot be signed out at the moment. Try again in ${error.retryAfterSeconds} s.`);
    }
  });
  onPress(byId('play'), playRound);
  onPress(byId('who'), async () => {
    const me = await call('GET', '/me');
    if (!(me instanceof CallFailure)) tell(`The backend knows you as ${me.displayName ?? me.userId}.`);
  });
  onPress(byId('short-tokens'), () => setTokenLife(20));
  onPress(byId('long-tokens'), () => setTokenLife(3_600));
}

async function start() {
  configuration = await (await fetch('/page/configuration.json')).json();
  const { nowggSignInUrl, hasWebSignIn, isDevelopment } = configuration;
  byId('sign-in-nowgg').hidden = nowggSignInUrl === undefined;
  byId('sign-in-here').hidden = nowggSignInUrl === undefined;
  byId('sign-in-web').hidden = !hasWebSignIn;
  byId('tools').querySelector('a').href = deskAddress();
  for (const id of ['tools', 'live', 'token-tools']) byId(id).hidden = !isDevelopment || !hasDevelopmentKey();
  listenToButtons();
  auth.onSessionStateChange(onState);
  onState(await auth.ready, 'FOUND');
  byId('not-started').remove();
  if (returned?.refused) alert('The sign-in was not completed.');
  else if (returned) await signIn(returned.code, returned.provider);
  setInterval(showToken, 250);
  void repeat(beat, beatMs);
  if (isDevelopment) void repeat(drawLive, 1_000);
}

await start();
