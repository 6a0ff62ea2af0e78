import { adopting } from './contract/adopting.js';
import { binding } from './contract/binding.js';
import { comingBack } from './contract/coming-back.js';
import { fetching } from './contract/fetching.js';
import { implicit } from './contract/implicit.js';
import { origins } from './contract/origins.js';
import { outages } from './contract/outages.js';
import { refreshing } from './contract/refreshing.js';
import { rotating } from './contract/rotating.js';
import { sharing } from './contract/sharing.js';
import { signingIn } from './contract/signing-in.js';
import { storing } from './contract/storing.js';
import type { Facts } from './support/facts.js';

/** What the client does in every runtime: the same code runs in Node.js and in the pages of a browser. */
export const contract: Readonly<Record<string, Facts>> = {
  signingIn,
  comingBack,
  adopting,
  implicit,
  fetching,
  refreshing,
  outages,
  origins,
  storing,
  rotating,
  sharing,
  binding,
};
