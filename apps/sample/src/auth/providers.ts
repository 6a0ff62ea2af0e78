/** Players of the Android game, signed in by now.gg. */
export const nowggProvider = 'nowgg';
/** Players of the web page, signed in by an OpenID provider. */
export const webProvider = 'web';
/** Path that the provider sends browsers back to: a page, which passes the answer on to the callback route. */
export const webReturnPath = '/sign-in/web';
