const FIRST_WAIT_MS = 60_000

/** The wait after failed runs that no database has recorded: 1, 2, 4 … minutes, at most the interval between two syncs. */
export class Backoff {
  #failures = 0
  #wait: { readonly from: number; readonly until: number } | undefined

  /** Records a failure. */
  failed(intervalMs: number): void {
    this.#failures += 1
    const wait = FIRST_WAIT_MS * 2 ** Math.min(this.#failures - 1, 20)
    const now = Date.now()
    this.#wait = { from: now, until: now + Math.min(wait, intervalMs) }
  }

  /** Records a run that did not fail. */
  clear(): void {
    this.#failures = 0
    this.#wait = undefined
  }

  /** Whether it is too early for the next try. A wait that began under a clock that was ahead means nothing. */
  isWaiting(): boolean {
    const now = Date.now()
    return this.#wait !== undefined && now >= this.#wait.from && now < this.#wait.until
  }
}
