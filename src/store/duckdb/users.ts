import {
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  LIST,
  listValue,
  VARCHAR,
} from "@duckdb/node-api";
import type { EventRow } from "../apply/rows.ts";

/** Users whose keys are kept in memory, in each of two generations. */
const defaultCapacity = 50_000;

/** A user that gets its key with this batch. */
export interface NewUser {
  readonly key: number;
  readonly project: string;
  readonly userId: string;
}

/** Keys for a batch, in its order, and the users among them that are new. */
export interface KeyedUsers {
  readonly keys: Int32Array;
  readonly added: readonly NewUser[];
  /** Remembers the batch's keys; to be called once it is committed. */
  commit(): void;
}

/** Integer keys of users, which make distinct counts and sequences fast: one for each (project, user_id), from 1. */
export interface UserKeys {
  /** How many users have a key. */
  readonly count: number;
  assign(rows: readonly EventRow[]): Promise<KeyedUsers>;
}

/**
 * The dictionary is the table `users`. What was used lately is kept in memory; the rest of a batch is looked up by one
 * query. The memory holds two generations: one that fills and, until it is full, the one before.
 */
export async function createUserKeys(
  connection: DuckDBConnection,
  capacity: number = defaultCapacity,
): Promise<UserKeys> {
  const greatest = await connection.runAndReadAll("SELECT COALESCE(max(user_key), 0) FROM users");
  const statement = await connection.prepare(
    `SELECT project, user_id, user_key FROM users
     WHERE (project, user_id) IN (SELECT unnest($1), unnest($2))`,
  );
  let last = Number(greatest.getRows()[0]?.[0]);
  let recent = new Map<string, number>();
  let older = new Map<string, number>();

  const remember = (identity: string, key: number) => {
    if (recent.size >= capacity) {
      older = recent;
      recent = new Map();
    }
    recent.set(identity, key);
  };

  return {
    get count() {
      return last;
    },
    async assign(rows) {
      const keys = new Int32Array(rows.length);
      /** Rows whose user is not in memory, by identity. */
      const missing = new Map<string, number[]>();
      rows.forEach(({ project, flat }, index) => {
        const identity = identityOf(project, flat.userId);
        let key = recent.get(identity);
        if (key === undefined) {
          key = older.get(identity);
          if (key !== undefined) remember(identity, key);
        }
        if (key !== undefined) keys[index] = key;
        else if (missing.has(identity)) missing.get(identity)!.push(index);
        else missing.set(identity, [index]);
      });
      if (missing.size === 0) return { keys, added: [], commit() {} };

      const first = [...missing.values()].map(([index]) => rows[index!]!);
      const found = await lookUp(statement, first);
      const added: NewUser[] = [];
      const learnt = new Map<string, number>();
      for (const [identity, indexes] of missing) {
        let key = found.get(identity);
        if (key === undefined) {
          const { project, flat } = rows[indexes[0]!]!;
          key = last + added.length + 1;
          added.push({ key, project, userId: flat.userId });
        }
        learnt.set(identity, key);
        for (const index of indexes) keys[index] = key;
      }
      const commit = () => {
        last += added.length;
        for (const [identity, key] of learnt) remember(identity, key);
      };
      return { keys, added, commit };
    },
  };
}

/** The keys of the rows' users that have one, by identity. */
async function lookUp(
  statement: DuckDBPreparedStatement,
  rows: readonly EventRow[],
): Promise<Map<string, number>> {
  statement.bind(
    [listValue(rows.map(({ project }) => project)), listValue(rows.map(({ flat }) => flat.userId))],
    [LIST(VARCHAR), LIST(VARCHAR)],
  );
  const result = await statement.runAndReadAll();
  return new Map(
    result
      .getRows()
      .map(([project, userId, key]) => [identityOf(String(project), String(userId)), Number(key)]),
  );
}

/** One text for both; the length keeps them apart. */
function identityOf(project: string, userId: string): string {
  return `${project.length}:${project}${userId}`;
}
