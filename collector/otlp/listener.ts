export interface Listener {
  port: number
  /** Takes no new connection; resolves when what is under way is answered. */
  stop(): Promise<void>
  /** Closes the port and cuts what is left. */
  cut(): void
}
