package io.tidemark.node.config;

/**
 * A bearer token and what it allows.
 *
 * @param token the secret
 */
public record AccessToken(String token, AccessRole role) {
  /** Without the secret, so that no log has it. */
  @Override
  public String toString() {
    return "a token with role " + role;
  }
}
