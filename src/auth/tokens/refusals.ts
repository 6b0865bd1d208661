/** What jose says of a token, in our words: each way to be wrong has a reason of its own. */
import { errors } from "jose";
import { type ErrorReason, WeirError } from "../../domain/errors.ts";

const claimReasons: Readonly<Record<string, readonly [ErrorReason, string]>> = {
  nbf: ["TOKEN_NOT_YET_VALID", "the token is not valid yet"],
  aud: ["TOKEN_AUDIENCE", "the token is for another audience"],
  iss: ["TOKEN_ISSUER", "the token is of another issuer"],
};

export function refusedToken(reason: ErrorReason, message: string, cause?: unknown): WeirError {
  return new WeirError("UNAUTHENTICATED", reason, message, cause === undefined ? {} : { cause });
}

export function expiredToken(): WeirError {
  return refusedToken("TOKEN_EXPIRED", "the token has expired");
}

/** @param error what verifying threw */
export function tokenRefusal(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  if (error instanceof errors.JWTExpired) return expiredToken();
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    const known = reason === "check_failed" ? claimReasons[claim] : undefined;
    return refusedToken(
      ...(known ?? (["TOKEN_CLAIMS", `the token's claim ${claim} is missing or none`] as const)),
    );
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refusedToken("TOKEN_ALGORITHM", "the token is signed by an algorithm that is not taken");
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return refusedToken("TOKEN_KEY", "the token names no key of the issuer's, or none alone");
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refusedToken("TOKEN_SIGNATURE", "the token's signature is not of the key that it names");
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return refusedToken("TOKEN_MALFORMED", "the token is no signed JWT");
  }
  if (error instanceof errors.JOSENotSupported) {
    return refusedToken("TOKEN_ALGORITHM", "the token asks for what is not taken");
  }
  // Whatever else there is came of looking for the key.
  const message = "the keys of the tokens' issuer cannot be had now";
  return new WeirError("UNAVAILABLE", "TOKEN_KEYS_UNAVAILABLE", message, {
    retryDelayMs: 1000,
    cause: error,
  });
}
