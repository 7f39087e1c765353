/** What a layer needs of an exchange of halo rows; modes differ in what they send and when. */

/** Exchanges in flight; `finish` blocks until all halo rows are there. */
export interface PendingExchange {
  finish(): void;
}

/** Moves rows to the ranks that read them, and gradients of those rows back. */
export interface RowExchange {
  /** True if this rank neither sends nor receives rows. */
  readonly isIdle: boolean;
  /**
   * Starts to fetch halo rows.
   *
   * @param x - owned rows, float32 `[numOwned, width]`; packed before this returns
   * @param halo - where halo rows go, float32 `[numSources − numOwned, width]`; complete after `finish`
   */
  startForward(x: Float32Array, width: number, halo: Float32Array, phase: string, layer: number): PendingExchange;
  /**
   * Starts to return gradients of halo rows to their owners.
   *
   * @param haloGradient - float32 `[numSources − numOwned, width]`; must stay unchanged until `finish`
   * @param gradient - float32 `[numOwned, width]`; `finish` adds what the peers return, in a fixed peer order
   */
  startBackward(
    haloGradient: Float32Array,
    width: number,
    gradient: Float32Array,
    phase: string,
    layer: number,
  ): PendingExchange;
}
