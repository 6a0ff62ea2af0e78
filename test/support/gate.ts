/** A point at which answers wait until the test lets them go on. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gateOf(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
