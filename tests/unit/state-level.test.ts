import { openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelState } from "../../src/state/level/level.ts";
import { makeDirectory, removeDirectory } from "../support/level-log.ts";
import { stateContract } from "../support/state-contract.ts";

stateContract(async () => {
  const directory = await makeDirectory();
  let database = await openLevelDatabase({ directory });
  return {
    state: createLevelState(database),
    async reopen() {
      await database.close();
      database = await openLevelDatabase({ directory });
      return createLevelState(database);
    },
    async remove() {
      await database.close();
      await removeDirectory(directory);
    },
  };
});
