import { ConfigError, describeSettings, readConfig } from "../config/config.ts";
import { strayVariables } from "../config/stray.ts";
import { runServer } from "../main.ts";

/** `weir serve`: runs the server until a signal ends it. Answers the exit code. */
export async function serve(args: string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(help());
    return 0;
  }
  try {
    return await runServer(readConfig(args, process.env), strayVariables(process.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`weir serve: ${error.message}`);
    return 2;
  }
}

function help(): string {
  const lines = describeSettings().map(({ flag, variable, fallback, form, description }) => {
    const names = [flag, variable].filter((name) => name !== "").join(", ");
    return `  ${names}\n      ${description}\n      ${form}${fallback === "" ? "" : `; default ${fallback}`}`;
  });
  return `Usage: weir serve [flags]\n\nRuns the server until a signal ends it. A flag wins over its variable.\n\n${lines.join("\n")}`;
}
