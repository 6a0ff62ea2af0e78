/** The configuration that the page needs; sent to the page as it is. */
export class PageConfig {
  readonly publicUrl: string;
  /**
   * Address where a person gets a now.gg code by hand: the emulator's sign-in page. Real now.gg gives codes to devices
   * only.
   */
  readonly nowggSignInUrl: string | undefined;
  readonly nowggClientId: string;
  readonly hasWebSignIn: boolean;
  /** Whether the tools of the development module are available. */
  readonly isDevelopment: boolean;

  constructor(values: PageConfig) {
    this.publicUrl = values.publicUrl;
    this.nowggSignInUrl = values.nowggSignInUrl;
    this.nowggClientId = values.nowggClientId;
    this.hasWebSignIn = values.hasWebSignIn;
    this.isDevelopment = values.isDevelopment;
  }
}
