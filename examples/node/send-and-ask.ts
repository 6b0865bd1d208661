// Sends a few events by gRPC, waits until they count, and asks how the day looks.
//
//   npm start                      in one terminal
//   npm run example                in another; WEIR_URL and WEIR_API_KEY say where to and as whom

import { createWeirClient } from "../../client/node/index.ts";

const apiKey = process.env.WEIR_API_KEY;
const weir = createWeirClient({
  url: process.env.WEIR_URL ?? "http://127.0.0.1:8080",
  ...(apiKey ? { apiKey } : {}),
});

try {
  // Ids make it safe to run this twice: the second time all three are duplicates.
  const sent = await weir.ingestion.ingestEvents({
    events: [
      { id: "example-1", userId: "ada", name: "page_view", properties: { page: "/pricing" } },
      { id: "example-2", userId: "ada", name: "signup", properties: { plan: "pro" } },
      { id: "example-3", userId: "grace", name: "page_view", measures: { duration_ms: 1200 } },
    ],
  });
  console.log(`accepted ${sent.acceptedCount}, duplicates ${sent.duplicateCount}`);

  // The token makes the question wait until these events are in the store: read your own writes.
  const summary = await weir.analytics.getAnalyticsSummary({ minVisibility: [sent.visibilityToken] });
  console.log(`${summary.totalEvents} events of ${summary.uniqueUsers} users`);
  for (const { name, events, users } of summary.topEvents)
    console.log(`  ${name}: ${events} of ${users} users`);
} finally {
  await weir.close();
}
