import { createServer } from "node:net";

/**
 * Free ports of 127.0.0.1 below those that outgoing connections get: a client that tries to come back to a server that is
 * down would otherwise now and then connect to itself, and keep the server from its port.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().unref();
    const free = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free && !ports.includes(port)) ports.push(port);
  }
  return ports;
}
