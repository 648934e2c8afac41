/** The broker is killed, and started again with what it held. */
import type { Fault } from './fault.ts'

export const brokerRestart: Fault = {
  name: 'broker restart',
  inject: ({ broker }) => broker.kill(),
  heal: ({ broker }) => broker.start(),
}
