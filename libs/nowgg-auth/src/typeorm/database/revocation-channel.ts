/** Name of the NOTIFY channel; its messages are empty. */
export const PG_REVOCATION_CHANNEL = 'nowgg_revocation';
