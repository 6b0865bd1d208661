// The page sends an event and shows the summary that counts it. To try it beside a server on 127.0.0.1:8080:
//
//   npx esbuild examples/web/app.ts --bundle --format=esm --outdir=examples/web --servedir=examples/web --serve=127.0.0.1:8000
//
// and open http://127.0.0.1:8000; nothing is written.

import { createWeirClient } from "../../client/web/index.ts";

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

async function sendAndShow(): Promise<void> {
  const transport = element<HTMLSelectElement>("transport").value as "connect" | "grpc-web";
  const weir = createWeirClient({ url: element<HTMLInputElement>("url").value, transport });
  try {
    const sent = await weir.ingestion.ingestEvent({
      event: {
        userId: element<HTMLInputElement>("user").value,
        name: element<HTMLInputElement>("name").value,
        source: "example-page",
      },
    });
    const summary = await weir.analytics.getAnalyticsSummary({ minVisibility: [sent.visibilityToken] });
    element("status").textContent = `${summary.totalEvents} events of ${summary.uniqueUsers} users`;
    element("top").replaceChildren(
      ...summary.topEvents.map(({ name, events, users }) => row([name, String(events), String(users)])),
    );
  } finally {
    await weir.close();
  }
}

function row(cells: string[]): HTMLTableRowElement {
  const line = document.createElement("tr");
  for (const text of cells) line.insertCell().textContent = text;
  return line;
}

element<HTMLFormElement>("send").addEventListener("submit", (submit) => {
  submit.preventDefault();
  element("status").textContent = "…";
  sendAndShow().catch((error: unknown) => {
    element("status").textContent = String(error);
  });
});
