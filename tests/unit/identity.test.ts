import { expect, test } from "vitest";
import { brokenIdentity } from "../../src/domain/identity.ts";
import { uuid7 } from "../../src/domain/uuid7.ts";

test.each([
  "null",
  "NULL",
  "Undefined",
  "none",
  "NaN",
  "anonymous",
  "[object Object]",
  " ",
  "\t\n",
  `${" ".repeat(200)}null`,
])("%j is no user", (userId) => {
  expect(brokenIdentity(userId)).toMatchObject({ field: "user_id", ruleId: "user_id.broken_identity" });
});

test.each(["nullable", "anonymous-7", "0", "user null", "ñone"])("%j is a user", (userId) => {
  expect(brokenIdentity(userId)).toBeUndefined();
});

test("a UUIDv7 has its version, its variant and its time in front", () => {
  const id = uuid7(0x0123456789ab, new Uint8Array(10).fill(0xff));
  expect(id).toBe("01234567-89ab-7fff-bfff-ffffffffffff");
});
