/**
 * The address of a server, without a slash at its end.
 *
 * @throws TypeError where it is no http or https URL
 */
export function baseUrl(url: string | URL): string {
  const parsed = URL.canParse(String(url)) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new TypeError(`url must be an address such as http://127.0.0.1:8080, not "${url}"`);
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, "");
}
