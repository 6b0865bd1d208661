import { prometheusPrograms } from "./programs.ts";

/** Before the tests of the project, so that none of them waits for it. */
export default async function fetch(): Promise<void> {
  await prometheusPrograms();
}
