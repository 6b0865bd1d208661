/** Who may call. */
import { choice, duration, list, minute, second, setting, text } from "./types.ts";

export const authSettings = {
  auth: setting<"auto" | "required" | "open">({
    flag: "auth",
    type: choice("auto", "required", "open"),
    default: "auto",
    description:
      "Whether calls need a key: auto is open where every address is loopback, else required; open must be said to serve others openly.",
  }),
  bootstrapKey: setting({
    flag: "bootstrap-key",
    type: text,
    default: "",
    secret: true,
    description:
      "A key of your own of 24 to 512 characters with scopes admin and platform, of project default; stored hashed at start.",
  }),
  bootstrapKeyFile: setting({
    flag: "bootstrap-key-file",
    type: text,
    default: "",
    description: "File of that key, in place of WEIR_BOOTSTRAP_KEY.",
  }),
  jwtKeys: setting({
    flag: "jwt-keys",
    type: text,
    default: "",
    description:
      "URL (https) or file of the JWKS whose keys sign the tokens that are taken; empty: none are.",
  }),
  jwtIssuer: setting({
    flag: "jwt-issuer",
    type: text,
    default: "",
    description: "Issuer (claim iss) that tokens must have.",
  }),
  jwtAudience: setting<readonly string[]>({
    flag: "jwt-audience",
    type: list,
    default: [],
    description: "Audiences (claim aud), of which tokens must have one.",
  }),
  jwtSkew: setting({
    flag: "jwt-skew",
    type: duration(0, 10 * minute),
    default: 30 * second,
    description: "By how much the clock of the tokens' issuer may be off.",
  }),
  jwtProjectClaim: setting({
    flag: "jwt-project-claim",
    type: text,
    default: "project",
    description: "Claim of a token that names the project.",
  }),
  jwtScopeClaim: setting({
    flag: "jwt-scope-claim",
    type: text,
    default: "scope",
    description: "Claim of a token that lists its scopes, as text with blanks or as a list.",
  }),
  tokenSecret: setting({
    flag: "token-secret",
    type: text,
    default: "",
    secret: true,
    description:
      "Secret of at least 16 characters that encrypts visibility tokens, page tokens and cursors; empty: made once and kept.",
  }),
};
