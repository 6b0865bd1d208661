/** What a setting is, and the forms of their values. */
import { formatBytes, formatDuration, parseBytes, parseDuration } from "../../domain/duration.ts";
import { parseOrigin } from "../../domain/origins.ts";

/** How a setting's text becomes its value. */
export interface SettingType<T> {
  /** What may be written, for people. */
  readonly form: string;
  /** @returns undefined where the text is none of that form */
  parse(text: string): T | undefined;
  format(value: T): string;
  /**
   * What is wrong with a text, where that is more than its form says, or where the text must not be shown.
   *
   * @param isFlag whether it stands on the command line, where other users of the machine can see it
   */
  problem?(text: string, isFlag: boolean): string | undefined;
}

export interface Setting<T> {
  /** Name of the flag without its dashes; the variable is WEIR_ and this in upper case. */
  readonly flag: string;
  readonly type: SettingType<T>;
  readonly default: T;
  /** One sentence for people. */
  readonly description: string;
  /** Never shown, logged or taken as a flag. */
  readonly secret?: boolean;
}

export const text: SettingType<string> = { form: "text", parse: (t) => t, format: (v) => v };

export const folder: SettingType<string> = {
  ...text,
  problem: (t) => (t === "" ? "a folder is needed" : undefined),
};

/** What names something of another system's. */
export const name: SettingType<string> = {
  form: 'name of 1 to 200 letters, digits, ".", "_" and "-"',
  parse: (t) => (/^[\w.-]{1,200}$/.test(t) ? t : undefined),
  format: (v) => v,
};

export const list: SettingType<readonly string[]> = {
  form: "comma-separated list",
  parse: (t) => t.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()])),
  format: (v) => v.join(","),
};

export const origins: SettingType<readonly string[]> = {
  form: "comma-separated list of origins such as https://app.example.com and hosts such as app.example.com:8080",
  parse: (t) => {
    const read = list.parse(t)!.map(parseOrigin);
    return read.every((origin) => origin !== undefined) ? read : undefined;
  },
  format: list.format,
};

export const integer = (least: number, most: number): SettingType<number> => ({
  form: `whole number from ${least} to ${most}`,
  parse: (t) => (/^\d+$/.test(t) && Number(t) >= least && Number(t) <= most ? Number(t) : undefined),
  format: String,
});

export const bytes = (least: number, most: number): SettingType<number> => ({
  form: `size such as 8MiB, from ${formatBytes(least)} to ${formatBytes(most)}`,
  parse: (t) => within(parseBytes(t), least, most),
  format: formatBytes,
});

export const duration = (least: number, most: number): SettingType<number> => ({
  form: `duration such as 30s or 7d, from ${formatDuration(least)} to ${formatDuration(most)}`,
  parse: (t) => within(parseDuration(t), least, most),
  format: formatDuration,
});

export const choice = <const T extends string>(...values: readonly T[]): SettingType<T> => ({
  form: values.join(" | "),
  parse: (t) => values.find((v) => v === t),
  format: (v) => v,
});

export const flag: SettingType<boolean> = {
  form: "true | false",
  parse: (t) => ({ true: true, false: false })[t],
  format: String,
};

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

export const kib = 1024;
export const mib = 1024 ** 2;
export const gib = 1024 ** 3;
export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

export const setting = <T>(s: Setting<T>): Setting<T> => s;
