interface PageGlobals {
  location?: { href: string; pathname: string; search: string; hash: string };
  history?: { state: unknown; replaceState(state: unknown, unused: string, url: string): void };
}

// Node has no such globals: the tests of the client set them.
const globals = globalThis as unknown as PageGlobals;

/** The page's own address: in a browser the real one, in Node.js one that is made for the time of the work. */
export interface PageAddress {
  readonly hash: () => string;
  /** Comes back with this fragment, as a browser does that was redirected here. */
  readonly comeBack: (fragment: string) => void;
}

/** Runs work in a page that has an address. */
export async function inPage(url: string, work: (page: PageAddress) => Promise<void>): Promise<void> {
  const isBrowser = globals.location !== undefined;
  if (!isBrowser) install(`${url}/page?level=2`);
  const page: PageAddress = {
    hash: () => globals.location?.hash ?? '',
    comeBack: (fragment) => globals.history?.replaceState(null, '', `/page?level=2#${fragment}`),
  };
  page.comeBack('');
  try {
    await work(page);
  } finally {
    if (isBrowser) page.comeBack('');
    else for (const name of ['location', 'history'] as const) delete globals[name];
  }
}

function install(address: string): void {
  const set = (href: string) => {
    const { pathname, search, hash } = new URL(href);
    globals.location = { href, pathname, search, hash };
  };
  set(address);
  globals.history = {
    state: { scroll: 7 },
    replaceState: (_state, _unused, to) => set(new URL(to, address).href),
  };
}
