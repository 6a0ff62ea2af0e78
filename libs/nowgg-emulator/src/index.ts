/** Filled in by the emulator. */
export const emulatorEntryPoint = true;
