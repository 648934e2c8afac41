/** How long kafkajs tries by itself, some three seconds in all; then whoever asked is told, and asks again by its own rules. */
export const PATIENCE = { initialRetryTime: 100, retries: 5 }
