/** Name of the NOTIFY channel; its messages are empty. */
export const REVOCATION_CHANNEL = 'nowgg_revocation';
