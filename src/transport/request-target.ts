import type { IncomingMessage } from "node:http";

/**
 * Brings a request of HTTP/1.1 whose target is a whole URL, as it is sent to proxies and every server must take it
 * (RFC 9112, 3.2.2), into the form of all others. Its host then stands where that of HTTP/2 stands, a name that no header
 * of HTTP/1.1 can have.
 */
export function toOriginForm(request: IncomingMessage): void {
  const [, authority, rest] = /^https?:\/\/([^/?]+)(.*)$/i.exec(request.url ?? "") ?? [];
  if (authority === undefined || rest === undefined) return;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  request.headers[":authority"] = authority;
}
