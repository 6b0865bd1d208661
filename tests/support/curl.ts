import { runCommand } from "./command.ts";

export interface CurlAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * Runs curl with the given arguments, as users type them.
 *
 * @throws Error with what curl says where it gets no answer
 */
export async function curl(...args: readonly string[]): Promise<CurlAnswer> {
  const { code, stdout, stderr } = await runCommand("curl", ["-sS", "-i", ...args]);
  if (code !== 0) throw new Error(`curl ${args.join(" ")}: ${stderr}`);
  const border = stdout.indexOf("\r\n\r\n");
  const [statusLine, ...lines] = stdout.slice(0, border).split("\r\n");
  const headers = new Headers(lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2) as [string, string]));
  return { status: Number(statusLine!.split(" ")[1]), headers, body: stdout.slice(border + 4) };
}

/** Sends JSON by POST. @returns the answer of status 200 or 202, parsed */
export async function curlJson(url: string, body: unknown, ...args: readonly string[]): Promise<unknown> {
  return parsed(await curl("-H", "content-type: application/json", "-d", JSON.stringify(body), ...args, url));
}

/** Asks by GET with query parameters. @returns the answer of status 200, parsed */
export async function curlGet(
  url: string,
  parameters: readonly (readonly [name: string, value: string])[] = [],
  ...args: readonly string[]
): Promise<unknown> {
  const data = parameters.flatMap(([name, value]) => ["--data-urlencode", `${name}=${value}`]);
  return parsed(await curl("-G", ...data, ...args, url));
}

function parsed({ status, body }: CurlAnswer): unknown {
  if (status !== 200 && status !== 202) throw new Error(`status ${status}: ${body}`);
  return JSON.parse(body);
}
