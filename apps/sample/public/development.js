const storedAs = 'development-key';

/** The key of the development tools, from the address that was printed at the start; taken out of the address at once. */
function takeKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get('development');
  if (!key) return;
  sessionStorage.setItem(storedAs, key);
  history.replaceState(null, '', `${location.pathname}${location.search}`);
}

takeKey();

/** Whether this tab was opened by the printed address, at this start or an earlier one. */
export const hasDevelopmentKey = () => sessionStorage.getItem(storedAs) !== null;

/** What requests to the development tools carry. */
export const developmentHeaders = () => ({ 'x-development-key': sessionStorage.getItem(storedAs) ?? '' });

/** The desk for another tab, which does not see what this one keeps. */
export const deskAddress = () =>
  `/admin#${new URLSearchParams({ development: sessionStorage.getItem(storedAs) ?? '' })}`;

/** After a refusal: the key belongs to an earlier start. */
export const forgetDevelopmentKey = () => sessionStorage.removeItem(storedAs);
