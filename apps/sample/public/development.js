const storedAs = 'development-key';

/** The key of the development tools, from the address that was printed at the start; taken out of the address at once. */
function takeKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get('development');
  if (!key) return;
  localStorage.setItem(storedAs, key);
  history.replaceState(null, '', `${location.pathname}${location.search}`);
}

takeKey();

/** Whether this browser was opened by the printed address, at this start or an earlier one. */
export const hasDevelopmentKey = () => localStorage.getItem(storedAs) !== null;

/** What requests to the development tools carry. */
export const developmentHeaders = () => ({ 'x-development-key': localStorage.getItem(storedAs) ?? '' });

/** After a refusal: the key belongs to an earlier start. */
export const forgetDevelopmentKey = () => localStorage.removeItem(storedAs);
