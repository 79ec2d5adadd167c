package io.tidemark.lease;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Objects;

/**
 * Who holds the ownership.
 *
 * @param nodeId the node, the same after a restart
 * @param nonce a random word of the process: tells whether an owner that was read is this process
 * @param advertiseUrl where the others reach it
 * @param hostname its name for people and for the routing of a platform; empty if it has none
 */
public record Owner(String nodeId, String nonce, String advertiseUrl, String hostname) {
  public Owner {
    Objects.requireNonNull(nodeId);
    Objects.requireNonNull(nonce);
    Objects.requireNonNull(advertiseUrl);
    Objects.requireNonNull(hostname);
  }

  /** An owner without a name for people. */
  public Owner(String nodeId, String nonce, String advertiseUrl) {
    this(nodeId, nonce, advertiseUrl, "");
  }

  /** 64 random bits as 16 hexadecimal digits; once for each process. */
  public static String newNonce() {
    byte[] bytes = new byte[8];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /** Whether this is the same process as the other one. */
  public boolean isSameProcess(Owner other) {
    return nodeId.equals(other.nodeId) && nonce.equals(other.nonce);
  }

  @Override
  public String toString() {
    return nodeId + " (" + advertiseUrl + ")";
  }
}
