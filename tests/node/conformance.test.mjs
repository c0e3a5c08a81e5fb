// The protocol's own suite, against the server that a Rust test started.
import { runConformanceTests } from "@durable-streams/server-conformance-tests"

runConformanceTests({
  baseUrl: process.env.CONFORMANCE_TEST_URL,
  longPollTimeoutMs: 500,
  subscriptions: false,
})
