export interface Listener {
  port: number
  /** Takes no new connection; resolves when what is under way is answered. */
  stop(): Promise<void>
  /** Cuts what is left. */
  cut(): void
}
