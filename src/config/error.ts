/** A setting that cannot be used; its message is one line for the person who set it. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
