/** docker-compose.yml against the program itself: what it names exists, and is what the program takes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseDuration, readConfig } from "../../src/config/config.ts";
import { settings, variableOf } from "../../src/config/settings.ts";
import { runCommand } from "../support/command.ts";
import {
  compose,
  composeText,
  environmentOf,
  type Service,
  variablesOf,
} from "../support/containers/compose.ts";
import { execForm, imageEnvironment, textsOf } from "../support/containers/dockerfile.ts";
import { helpOf } from "../support/containers/help.ts";
import { repository } from "../support/process.ts";

const read = (path: string) => readFileSync(join(repository, path), "utf8");
const values = { WEIR_BOOTSTRAP_KEY: "a-platform-key-of-the-tests" };
const services = Object.entries(compose.services);
const own = services.filter(([, { build }]) => build !== undefined);
const servers = own.filter(([, { command }]) => command === undefined);
const volumesOf = ({ volumes = [] }: Service) =>
  volumes.flatMap((volume) => (typeof volume === "string" ? [volume.split(":")] : []));
const port = imageEnvironment().WEIR_LISTEN!.split(":").at(-1)!;

describe("docker-compose.yml", () => {
  it("has a profile for each way to run it", () => {
    const profiles = Map.groupBy(services, ([, { profiles }]) => profiles.join());
    expect(
      Object.fromEntries([...profiles].map(([name, of]) => [name, of.map(([service]) => service)])),
    ).toEqual({
      embedded: ["weir"],
      distributed: ["kafka", "clickhouse", "topics", "schema", "ingest", "consumer", "analytics"],
      monitoring: ["prometheus", "grafana"],
    });
  });

  it("publishes each port once, on loopback alone, where something listens", () => {
    const published = services.flatMap(([name, { ports = [] }]) =>
      ports.map((entry) => ({
        name,
        address: entry.split(":").slice(0, 2).join(":"),
        to: entry.split(":")[2],
      })),
    );
    expect(new Set(published.map(({ address }) => address)).size).toBe(published.length);
    for (const { address } of published) expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    const targets: Record<string, string> = { prometheus: "9090", grafana: "3000" };
    for (const { name, to } of published) expect(to, name).toBe(targets[name] ?? port);
    expect(published.map(({ name }) => name)).toEqual([
      ...servers.map(([name]) => name),
      ...Object.keys(targets),
    ]);
  });

  it("takes variables that the documents explain, of which a key is needed", () => {
    const taken = new Map(variablesOf(composeText).map(({ name, needed }) => [name, needed]));
    expect(Object.fromEntries(taken)).toEqual({
      WEIR_BOOTSTRAP_KEY: true,
      WEIR_CLICKHOUSE_PASSWORD: false,
      GRAFANA_PASSWORD: false,
    });
    for (const name of taken.keys()) expect(read("docs/CONTAINERS.md")).toContain(`\`${name}\``);
    expect(() => environmentOf(compose.services.ingest!, {})).toThrow(/^WEIR_BOOTSTRAP_KEY: choose/);
  });

  it("pins every image, those of Kafka and ClickHouse as they are tested", () => {
    const images = Object.fromEntries(services.map(([name, { image }]) => [name, image]));
    for (const [name, { image, build }] of services)
      if (!build) expect(image, name).toMatch(/:v?\d+(\.\d+)+$/);
    const jars = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(
      read("tests/support/kafka/pom.xml"),
    );
    expect(images.kafka).toBe(`apache/kafka:${jars![1]}`);
    const engine = /chdb-core==(\d+\.\d+)/.exec(read("tests/support/clickhouse/engine.ts"));
    expect(images.clickhouse).toBe(`clickhouse/clickhouse-server:${engine![1]}`);
  });

  it("mounts what exists, and keeps data in volumes", () => {
    const named = new Set<string>();
    for (const [name, service] of services) {
      for (const [source, , mode] of volumesOf(service)) {
        if (!source!.startsWith("./")) named.add(source!);
        else
          expect([existsSync(join(repository, source!)), mode], `${name}: ${source}`).toEqual([true, "ro"]);
      }
    }
    expect([...named].sort()).toEqual(Object.keys(compose.volumes).sort());
    expect(volumesOf(compose.services.weir!)).toEqual([["weir", imageEnvironment().WEIR_DATA_DIR]]);
    const { KAFKA_LOG_DIRS } = compose.services.kafka!.environment!;
    expect(volumesOf(compose.services.kafka!)).toEqual([["kafka", KAFKA_LOG_DIRS]]);
  });

  it("waits for services of the same profile, for health where there is a check", () => {
    for (const [name, { depends_on = {}, profiles }] of services) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        const service = compose.services[needed];
        expect(service?.profiles, `${name} needs ${needed}`).toEqual(profiles);
        if (condition === "service_healthy") expect(service?.healthcheck?.test?.[0]).toBe("CMD");
        if (condition === "service_completed_successfully") expect(service?.command).toBeDefined();
      }
    }
  });
});

describe.each(own)("the container %s", (_, service) => {
  it("is of the image, without rights, and has time to stop", () => {
    expect(service.build).toEqual({ context: ".", dockerfile: "deploy/Dockerfile" });
    expect(service).toMatchObject({
      user: textsOf("USER")[0],
      read_only: true,
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
    });
    expect(service.tmpfs?.[0]).toMatch(/^\/tmp:size=/);
    const graceMs = Number(/^const graceMs = (\d+);$/m.exec(read("src/main.ts"))![1]);
    const mostMs = settings.shutdownTimeoutMs.default + graceMs;
    expect(parseDuration(service.stop_grace_period!)).toBeGreaterThan(mostMs);
  });

  it("has a named volume for the image's data, or memory where it writes none, and no nameless volume", () => {
    const { WEIR_DATA_DIR, WEIR_LOG = "", WEIR_STORE = "" } = environmentOf(service, values);
    const none = WEIR_LOG !== "" || WEIR_STORE !== "";
    expect(service.volumes).toEqual([
      none ? { type: "tmpfs", target: WEIR_DATA_DIR } : `weir:${WEIR_DATA_DIR}`,
    ]);
  });

  it("has settings that the program takes", async () => {
    const { NODE_ENV, ...env } = environmentOf(service, values);
    const known = new Set(Object.values(settings).map(variableOf));
    expect(Object.keys(env).filter((name) => !known.has(name))).toEqual([]);
    const [command = "serve", ...operands] = service.command ?? execForm("CMD");
    if (command === "serve") return void readConfig(operands, env);
    const help = await helpOf(command, "--help");
    for (const operand of operands) expect(help.split("\n")[0]).toContain(operand);
    for (const name of Object.keys(env).filter((name) => !(name in imageEnvironment()))) {
      expect(help).toContain(name);
    }
  });

  it("finds log and store by the names of services", () => {
    const { WEIR_LOG = "", WEIR_STORE = "" } = environmentOf(service, values);
    for (const url of [WEIR_LOG, WEIR_STORE].filter((url) => url !== "")) {
      expect(Object.keys(compose.services)).toContain(new URL(url).hostname);
    }
    const { KAFKA_ADVERTISED_LISTENERS } = compose.services.kafka!.environment!;
    if (WEIR_LOG !== "") expect(KAFKA_ADVERTISED_LISTENERS).toBe(`PLAINTEXT://${new URL(WEIR_LOG).host}`);
    const { CLICKHOUSE_USER, CLICKHOUSE_PASSWORD } = environmentOf(compose.services.clickhouse!, values);
    if (WEIR_STORE === "") return;
    const { WEIR_CLICKHOUSE_PASSWORD } = environmentOf(service, values);
    expect([new URL(WEIR_STORE).username, WEIR_CLICKHOUSE_PASSWORD]).toEqual([
      CLICKHOUSE_USER,
      CLICKHOUSE_PASSWORD,
    ]);
  });
});

describe("monitoring", () => {
  it("has every server asked, on the port that they serve figures on and nobody publishes", () => {
    const { scrape_configs } = parse(read("deploy/prometheus/prometheus.yml")) as {
      scrape_configs: { dns_sd_configs?: { names: string[]; port: number }[] }[];
    };
    const asked = scrape_configs.flatMap(({ dns_sd_configs = [] }) => dns_sd_configs);
    expect(asked.flatMap(({ names }) => names).sort()).toEqual(servers.map(([name]) => name).sort());
    for (const [name, service] of servers) {
      const { WEIR_METRICS_LISTEN } = environmentOf(service, values);
      expect(
        asked.map((one) => `0.0.0.0:${one.port}`),
        name,
      ).toEqual([WEIR_METRICS_LISTEN]);
      expect(service.ports?.join()).not.toContain(`:${asked[0]!.port}`);
    }
  });

  it("has Grafana find Prometheus and the dashboards where they are", () => {
    const { datasources } = parse(read("deploy/grafana/provisioning/datasources/prometheus.yml")) as {
      datasources: { url: string }[];
    };
    expect(datasources.map(({ url }) => new URL(url).host)).toEqual(["prometheus:9090"]);
    const { providers } = parse(read("deploy/grafana/provisioning/dashboards/weir.yml")) as {
      providers: { options: { path: string } }[];
    };
    const mounted = volumesOf(compose.services.grafana!).map(([, target]) => target);
    for (const { options } of providers) expect(mounted).toContain(options.path);
  });
});

/** All that docs/CONTAINERS.md has for .env. */
const dotEnv = {
  ...values,
  WEIR_CLICKHOUSE_PASSWORD: "weir",
  COMPOSE_PROFILES: "",
  GRAFANA_PASSWORD: "weir",
};

describe.each(["README.md", "docs/CONTAINERS.md", "docker-compose.yml"])("%s", (document) => {
  const lines = read(document)
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => /^(#\s+)?docker /.test(line));

  it("makes a platform key for .env once, and leaves it and what else stands there", async () => {
    const [line] = /grep .*WEIR_BOOTSTRAP_KEY.*$/m.exec(read(document))!;
    const cwd = mkdtempSync(join(tmpdir(), "weir-env-"));
    const contents = async () => {
      const { code, stderr } = await runCommand("bash", ["-c", line], { cwd });
      expect(code, stderr).toBe(0);
      return readFileSync(join(cwd, ".env"), "utf8");
    };
    writeFileSync(join(cwd, ".env"), "GRAFANA_PASSWORD=weir\n");
    const first = await contents();
    expect(first).toMatch(/^GRAFANA_PASSWORD=weir\nWEIR_BOOTSTRAP_KEY=[0-9a-f]{48}\n$/);
    expect(await contents()).toBe(first);
    rmSync(cwd, { recursive: true });
  });

  it("names profiles, services and commands that there are", async () => {
    expect(lines.length).toBeGreaterThan(0);
    const profiles = new Set(services.flatMap(([, { profiles: of }]) => of));
    const all = lines.join("\n");
    for (const [, profile] of all.matchAll(/--profile (\S+)/g)) expect(profiles).toContain(profile);
    for (const [, name] of all.matchAll(/ exec (?:-e \w+ )*(\S+)/g))
      expect(compose.services).toHaveProperty(name!);
    for (const [, name] of all.matchAll(/ -e (\w+) /g)) expect(read(document)).toContain(`export ${name}=`);
    if (all.includes("--env-file .env")) readConfig([], { ...imageEnvironment(), ...dotEnv });
    for (const [, name, folder] of all.matchAll(/ run .*--entrypoint tar (\S+) .*-C (\S+)/g))
      expect(volumesOf(compose.services[name!]!).map(([, target]) => target)).toContain(folder);
    for (const [, file] of all.matchAll(/build -f (\S+)/g)) expect(file).toBe(own[0]![1].build!.dockerfile);
    for (const [, command] of all.matchAll(/node bin\/weir\.js (\S+)/g)) await helpOf(command!, "--help");
  });
});
