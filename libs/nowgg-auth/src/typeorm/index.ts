/** Filled in by the TypeORM store. */
export const typeormEntryPoint = true;
