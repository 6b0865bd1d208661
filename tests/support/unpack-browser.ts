import chromium from "@sparticuz/chromium";

/**
 * Unpacks the browser before tests run beside each other: where two unpack it at once, one starts what the other is still
 * writing (ETXTBSY).
 */
export default async function unpackBrowser(): Promise<void> {
  await chromium.executablePath();
}
