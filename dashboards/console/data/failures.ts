/**
 * Failed handshakes of a row of `windows`. Both ends may report one, and a listener reports those that never became a request: what counts is
 * the larger of each end's, and never their sum.
 */
const reportedBy = (end: string) =>
  `arraySum(arrayMap((reporter, times) -> if(reporter = '${end}', times, 0), windows.tls.reporter, windows.tls.count))`

export const TLS_FAILURES = `greatest(windows.tls_failures, ${reportedBy('source')}, ${reportedBy('destination')})`

/** With server errors and failed connections. */
export const FAILURES = `(windows.server_errors + windows.connect_failures + ${TLS_FAILURES})`
