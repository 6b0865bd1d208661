/** What a project's id is, as the contract has it where one is made: no key sees anything of another. */
const pattern = /^[a-z][a-z0-9-]{0,62}$/;

export function isProjectId(text: string): boolean {
  return pattern.test(text);
}

/** For people. */
export const projectIdRule =
  "must be 1 to 63 lower-case letters, digits and hyphens, beginning with a letter";
