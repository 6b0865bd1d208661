/** Which test runs which commands of the documents; tests/unit/docs-played.test.ts holds this to what stands in them. */

/** Documents whose every command of `sh` is run as it stands by tests/e2e/documents.test.ts. */
export const playedWhole = ["docs/FILTERS.md", "docs/METRICS.md", "docs/MIGRATING.md", "docs/OPERATIONS.md"];

export interface Commands {
  readonly document: string;
  readonly shell: "sh" | "bash";
  /** Which of its blocks; default: every one that no other entry has. */
  readonly like?: RegExp;
}

/** What is run, and by which file, which reads it from the document. */
export const played: readonly (Commands & { readonly by: string })[] = [
  ...playedWhole.map((document) => ({ document, shell: "sh", by: "tests/e2e/documents.test.ts" }) as const),
  { document: "README.md", shell: "sh", by: "tests/e2e/readme.test.ts" },
  { document: "README.md", shell: "bash", like: /\.key/, by: "tests/e2e/serve-others.test.ts" },
  { document: "README.md", shell: "bash", like: /^npm start/, by: "tests/e2e/serve-others.test.ts" },
  { document: "docs/CLI.md", shell: "bash", by: "tests/e2e/package.test.ts" },
  { document: "docs/CONTAINERS.md", shell: "bash", like: /--entrypoint tar/, by: "tests/e2e/backup.test.ts" },
  { document: "docs/DISTRIBUTED.md", shell: "sh", like: /buf convert/, by: "tests/e2e/documents.test.ts" },
  { document: "docs/FIRST_HOUR.md", shell: "sh", by: "tests/distributed/first-hour.test.ts" },
  { document: "docs/GRPC_QUICKSTART.md", shell: "sh", by: "tests/e2e/documents.test.ts" },
  {
    document: "docs/KUBERNETES.md",
    shell: "bash",
    like: /^curl|sh -c/,
    by: "tests/kubernetes/documents.test.ts",
  },
  { document: "docs/OPERATIONS.md", shell: "bash", like: /^tar/, by: "tests/e2e/backup.test.ts" },
  { document: "docs/OPERATIONS.md", shell: "bash", like: /^weir/, by: "tests/e2e/documents.test.ts" },
];

/** What no test runs, and why. */
export const unplayed: readonly (Commands & { readonly why: string })[] = [
  {
    document: "README.md",
    shell: "sh",
    like: /^npm test$/,
    why: "it is the run that this test is a part of",
  },
  {
    document: "README.md",
    shell: "bash",
    like: /docker|\.env/,
    why: "no engine for containers: tests/unit/containers-compose.test.ts compares names, ports, paths and settings",
  },
  { document: "docs/CONTAINERS.md", shell: "bash", why: "the same" },
  {
    document: "docs/DISTRIBUTED.md",
    shell: "sh",
    like: /^(export|weir) /,
    why: "hosts of nobody: tests/unit/docs-commands.test.ts parses flags, tests/distributed has the commands",
  },
  {
    document: "docs/KUBERNETES.md",
    shell: "bash",
    like: /^kubectl (?!.*sh -c)/,
    why: "no cluster: tests/kubernetes/documents.test.ts compares folders, names and labels with the manifests",
  },
  {
    document: "docs/TRACING.md",
    shell: "sh",
    why: "tests/unit/docs-commands.test.ts parses the flag, tests/tracing has a collector",
  },
];
