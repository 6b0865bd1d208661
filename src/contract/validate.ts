/** The static rules of the contract (protovalidate), planned once for each message type and run many times. */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { createValidator, type Violation } from "@bufbuild/protovalidate";
import type { FieldViolation } from "../domain/errors.ts";
import { expectationOf, fieldOfRule } from "./options.ts";

/**
 * Checks a message by its rules.
 *
 * @returns the broken rules; empty where it is valid
 * @throws Error where a rule itself cannot be compiled or run: a defect of the contract
 */
export type Validate = (desc: DescMessage, message: Message) => readonly FieldViolation[];

const none: readonly FieldViolation[] = [];

export function createValidate(): Validate {
  const validator = createValidator();
  return (desc, message) => {
    const result = validator.validate(desc, message);
    if (result.kind === "valid") return none;
    if (result.kind === "error") throw result.error;
    return result.violations.map((violation) => ({
      field: fieldOf(desc, violation),
      ruleId: violation.ruleId,
      message: messageOf(violation),
    }));
  };
}

/** Where the rule is broken; of a rule of a whole message, the field that it is about. */
function fieldOf(desc: DescMessage, { field, ruleId }: Violation): string {
  const path = pathToString(field);
  const last = field.findLast((part) => part.kind === "field");
  const message = last === undefined ? desc : last.message;
  const about = message && fieldOfRule(message, ruleId);
  if (about === undefined) return path;
  return path === "" ? about : `${path}.${about}`;
}

/** Rules whose own message is the pattern, or the numbers of enum values: only the contract says it in words. */
const wordless: ReadonlySet<string> = new Set(["string.pattern", "enum.in"]);

function messageOf({ ruleId, message, field }: Violation): string {
  const desc = wordless.has(ruleId) ? field.findLast((part) => part.kind === "field") : undefined;
  return (desc && expectationOf(desc)) || message;
}

/** Shared by everybody: plans are kept by message type and hold no state of a request. */
export const validate: Validate = createValidate();
