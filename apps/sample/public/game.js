import { CallFailure, call, wellAgain } from './calls.js';
import { byId, make, onPress } from './dom.js';
import { tell } from './messages.js';
import { auth } from './session.js';

export const board = 'level-1';

/** A round: a score that the game might have sent. */
export async function playRound() {
  const points = 100 * Math.ceil(Math.random() * 50);
  const added = await call('POST', '/scores', { body: { board, points } });
  if (added instanceof CallFailure) return;
  tell(`You scored ${added.points} points.`);
}

/** @param onBought hears how many coins are left */
export async function showShop(onBought) {
  const response = await fetch('/shop/items');
  const items = response.ok ? await response.json() : [];
  byId('items').replaceChildren(
    ...items.map(({ item, price }) => {
      const button = make('button', { type: 'button' }, `Buy for ${price}`);
      button.setAttribute('aria-label', `Buy ${item} for ${price} coins`);
      onPress(button, () => buy(item, onBought));
      return make('li', {}, make('span', {}, item), button);
    }),
  );
}

/** The same purchase id is sent until there is an answer, so that coins are taken once, whatever gets lost. */
async function buy(item, onBought) {
  const body = { purchaseId: crypto.randomUUID(), item };
  for (;;) {
    const bought = await call('POST', '/shop/purchases', { body });
    if (!(bought instanceof CallFailure)) {
      wellAgain();
      tell(`You bought ${bought.item}. Coins left: ${bought.coinsLeft}.`);
      onBought(bought.coinsLeft);
      return;
    }
    if (bought.kind === 'refused') tell(sentences[bought.reason] ?? `The shop said no: ${bought.reason}.`);
    if (bought.kind !== 'later') return;
    tell(`Your purchase of ${item} is kept, and tried again in ${bought.seconds} s.`);
    await new Promise((resolve) => setTimeout(resolve, bought.seconds * 1000));
    if (auth.sessionState !== 'AUTHENTICATED') return;
  }
}

const sentences = {
  not_enough_coins: 'You have not enough coins for that.',
  unknown_item: 'The shop does not sell this any more.',
};
