/** Host and port of `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`; undefined where the text is none of these. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  return match === null || port > 65_535 ? undefined : { host: (match[1] ?? match[2])!, port };
}

/** Whether a host, without brackets, can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
