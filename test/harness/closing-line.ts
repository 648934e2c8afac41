import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one plain line that people and programs can read: `N passed, N failed, N skipped`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) count.failed += 1
      for (const test of module.children.allTests()) count[test.result().state] += 1
    }
    const failed = count.failed + count.pending
    if (process.env.CI === 'true' && count.skipped > 0) {
      // A skipped proof is no proof: on CI everything must be able to run.
      console.log(`${count.skipped} tests were skipped, which CI does not allow`)
      process.exitCode = 1
    }
    console.log(`\n${count.passed} passed, ${failed} failed, ${count.skipped} skipped`)
  }
}
