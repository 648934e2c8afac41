import { EastwatchConfig } from './config.ts'

/** Not a secret: it signs what the demo sends to itself. */
const SIGNING = `whsec_${Buffer.from('the demo tells no secrets to anyone').toString('base64')}`
const FREE = '127.0.0.1:0'

/**
 * The demo runs on the defaults: it differs in time, ports, folder and receiver only (a test compares them).
 * `freePorts` lets it run beside a pipeline that holds the usual ones.
 */
export function demoConfig(folder: string, receiverUrl: string, freePorts: boolean): EastwatchConfig {
  const receiver = { name: 'demo', type: 'webhook', url: receiverUrl, secret: SIGNING, allowRanges: ['127.0.0.0/8'] }
  return EastwatchConfig.parse({
    dataFolder: folder,
    logLevel: 'warn',
    alerts: { receivers: [receiver] },
    ...(freePorts
      ? {
          collector: { grpcAddress: FREE, httpAddress: FREE },
          storage: { port: 0 },
          console: { address: FREE },
          telemetry: { address: FREE },
        }
      : {}),
  })
}
