import { defineConfig } from 'vitest/config'

/** The long form of the fault tests takes an hour and more: docs/testing.md. */
const include = process.env.EASTWATCH_FAULTS === 'long' ? ['test/faults/*.long.ts'] : ['test/**/*.test.ts']

export default defineConfig({
  test: {
    include,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes at once on a quiet machine; a busy one must not make a failure of it.
    expect: { poll: { timeout: 20_000 } },
    // Two cores: the integration tests start real proxies and databases of their own.
    maxWorkers: 2,
    globalSetup: './test/harness/temporary-folder.ts',
    reporters: ['default', './test/harness/closing-line.ts'],
  },
})
