/** Part of the composition root: what a process answers whose roles do not include what is asked for. */
import type { DescService } from "@bufbuild/protobuf";
import type { ServiceBinding } from "./domain/call.ts";
import { WeirError } from "./domain/errors.ts";
import type { Role } from "./domain/roles.ts";
import type { DeadLetterStore } from "./store/dead-letters.ts";

/** UNAVAILABLE without a retry delay: the same process will not fare better. */
function roleNotHere(what: string, roles: readonly Role[], own: readonly Role[]): WeirError {
  const needed = roles.join(" or ");
  return new WeirError(
    "UNAVAILABLE",
    "ROLE_NOT_HERE",
    `${what} needs the role ${needed}, and this process has ${own.join(" and ")}: ask one that has it`,
  );
}

/** A service of the contract whose role does not run here: each of its methods says so. */
export function absentService(service: DescService, role: Role, own: readonly Role[]): ServiceBinding {
  const methods = service.methods.map((method) => {
    const refuse = () => {
      throw roleNotHere(method.name, [role], own);
    };
    const unary = async () => refuse();
    // biome-ignore lint/correctness/useYield: it ends before its first message
    const streaming = async function* () {
      refuse();
    };
    return [method.localName, method.methodKind === "unary" ? unary : streaming];
  });
  return { service, implementation: Object.fromEntries(methods), elsewhere: true };
}

/** Dead letters are kept in the store, which a process has that applies the log or answers from it. */
export function absentDeadLetters(own: readonly Role[]): DeadLetterStore {
  const refuse = async () => {
    throw roleNotHere("what is asked of dead letters", ["consumer", "analytics"], own);
  };
  return { deadLetters: refuse, discard: refuse };
}
