/** Origins and hosts as people write them, in the form in which browsers send them. */

const defaultPorts: Readonly<Record<string, string>> = { http: "80", https: "443" };

/**
 * An origin such as https://app.example.com, or a host such as app.example.com:8080, in lower case, without a slash at
 * its end and the port that goes without saying, and with names of other scripts in ASCII; undefined where the text is
 * neither.
 */
export function parseOrigin(text: string): string | undefined {
  const [, scheme, rest] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*?)\/?$/i.exec(text.toLowerCase())!;
  const [, name, port] = /^(\[[^\]]*\]|[^:/?#@\\]*)(?::(\d{1,5}))?$/.exec(rest!) ?? [];
  if (name === undefined || Number(port ?? 0) > 65_535) return undefined;
  const hostname = hostnameOf(name);
  if (hostname === undefined) return undefined;
  const host = port === undefined || defaultPorts[scheme ?? ""] === port ? hostname : `${hostname}:${port}`;
  return scheme === undefined ? host : `${scheme}://${host}`;
}

/** An origin of web pages, read as by parseOrigin, or * for all; undefined where the text is neither. */
export function parsePageOrigin(text: string): string | undefined {
  if (text === "*") return text;
  const origin = parseOrigin(text);
  return origin !== undefined && /^https?:/.test(origin) ? origin : undefined;
}

function hostnameOf(name: string): string | undefined {
  const hostname = URL.parse(`http://${name}`)?.host;
  return hostname !== undefined && /^(?:\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*)$/.test(hostname)
    ? hostname
    : undefined;
}
