/** A real Prometheus on deploy/prometheus, in which every minute of the rules is a second. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { freePorts } from "./ports.ts";
import { gather } from "./process.ts";
import { prometheusPrograms } from "./prometheus/programs.ts";
import { prometheusFolder } from "./prometheus/rules.ts";

export interface Target {
  /** host:port */
  readonly address: string;
  readonly role: string;
}

export interface PrometheusOptions {
  /** Asked without a key. */
  readonly targets?: readonly Target[];
  readonly withKey?: { readonly key: string; readonly targets: readonly Target[] };
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** The samples of an instant vector now. @throws Error where it refuses the expression */
  query(expr: string): Promise<Sample[]>;
  /** Values of a label among the series that match. */
  labelValues(label: string, match: string): Promise<string[]>;
  /** Names of the alerts that fire. */
  firing(): Promise<string[]>;
  close(): Promise<void>;
}

/** Prometheus scrapes and looks at its rules so often. */
const interval = "500ms";

export async function startPrometheus({ targets = [], withKey }: PrometheusOptions): Promise<Prometheus> {
  const { prometheus } = await prometheusPrograms();
  const folder = mkdtempSync(join(tmpdir(), "weir-prometheus-"));
  cpSync(prometheusFolder, folder, { recursive: true });
  rewrite(join(folder, "prometheus.yml"), (text) =>
    // Some networks answer for any name; this one nobody may.
    text.replaceAll("15s", interval).replace(/names: \[.*\]/, 'names: ["nowhere.invalid"]'),
  );
  for (const file of readdirSync(join(folder, "rules"))) {
    rewrite(join(folder, "rules", file), (text) => text.replaceAll(/\b(\d+)m\b/g, "$1s"));
  }
  writeTargets(join(folder, "targets"), targets);
  writeTargets(join(folder, "targets-with-key"), withKey?.targets ?? []);
  if (withKey) writeFileSync(join(folder, "platform-key"), withKey.key);

  const [port = 0] = await freePorts(1);
  const child = spawn(
    prometheus,
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "pipe" },
  );
  const output = gather(child, "stderr");
  const ended = once(child, "close");
  const killAtExit = () => child.kill("SIGKILL");
  process.on("exit", killAtExit);
  const url = `http://127.0.0.1:${port}`;

  async function close(): Promise<void> {
    process.removeListener("exit", killAtExit);
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }

  async function get<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`);
    const body = (await response.json()) as { status: string; error?: string; data: T };
    if (body.status !== "success") throw new Error(`${JSON.stringify(query)}: ${body.error}`);
    return body.data;
  }

  try {
    await vi.waitFor(
      async () => {
        if (child.exitCode !== null) throw new Error("it has ended");
        expect((await fetch(`${url}/-/ready`)).status).toBe(200);
      },
      { timeout: 30_000 },
    );
  } catch (error) {
    await close();
    throw new Error(`Prometheus did not start: ${(error as Error).message}\n${output()}`);
  }
  return {
    async query(expr) {
      type Vector = { result: { metric: Record<string, string>; value: [number, string] }[] };
      const { result } = await get<Vector>("query", { query: expr });
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    labelValues: (label, match) => get(`label/${label}/values`, { "match[]": match }),
    async firing() {
      type Alerts = { alerts: { state: string; labels: { alertname: string } }[] };
      const { alerts } = await get<Alerts>("alerts");
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    close,
  };
}

function rewrite(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

/** JSON is YAML too. */
function writeTargets(folder: string, targets: readonly Target[]): void {
  mkdirSync(folder, { recursive: true });
  const groups = targets.map(({ address, role }) => ({ targets: [address], labels: { role } }));
  writeFileSync(join(folder, "tests.yml"), JSON.stringify(groups));
}
