package io.tidemark.node.cluster;

import io.tidemark.lease.support.DurableFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a node must not forget of its cluster, in a file of its data directory: the newest version
 * of the cluster record that it knows of, the token with which it was admitted, and which process
 * has the epoch that it follows. Epoch and cluster id are kept by the database's store.
 *
 * <p>Each change is durable before it counts.
 */
final class ClusterMemory {
  private static final Pattern TEXT =
      Pattern.compile(
          "tidemark-cluster 1\nrecord ([0-9]{1,19})\ntoken ([0-9a-f]{16})\n"
              + "follows ([0-9]{1,19}) ([0-9a-f]{16})\n");

  private final Path file;
  private final RandomGenerator random;
  private long recordVersion;
  private long token;
  private long epoch;
  private long nonce;

  private ClusterMemory(Path file, RandomGenerator random) {
    this.file = file;
    this.random = random;
  }

  /**
   * Reads it. If there is no such file everything is 0, but the token, which nobody knows.
   *
   * @throws IOException when it cannot be read or is damaged; says what to do
   */
  static ClusterMemory open(Path file, RandomGenerator random) throws IOException {
    ClusterMemory memory = new ClusterMemory(file, random);
    String text;
    try {
      text = Files.readString(file, StandardCharsets.ISO_8859_1); // takes any bytes
    } catch (NoSuchFileException e) {
      memory.newToken();
      return memory;
    }
    Matcher fields = TEXT.matcher(text);
    if (!fields.matches()) {
      throw damaged(file, null);
    }
    try {
      memory.recordVersion = Long.parseLong(fields.group(1));
      memory.token = Long.parseUnsignedLong(fields.group(2), 16);
      memory.epoch = Long.parseLong(fields.group(3));
      memory.nonce = Long.parseUnsignedLong(fields.group(4), 16);
    } catch (NumberFormatException e) {
      throw damaged(file, e);
    }
    return memory;
  }

  private static IOException damaged(Path file, NumberFormatException cause) {
    return new IOException(
        file
            + " is damaged. It keeps this node from listening to an outdated primary. If the"
            + " cluster is well without this node, give it an empty data directory.",
        cause);
  }

  /** 0 if none was seen. */
  synchronized long recordVersion() {
    return recordVersion;
  }

  /** Not 0; a member of the in-sync set only if the record names it. */
  synchronized long token() {
    return token;
  }

  /** The nonce of the process that has an epoch; 0 if that is not known. */
  synchronized long nonceOf(long ofEpoch) {
    return epoch == ofEpoch ? nonce : 0;
  }

  /** A version of the record was seen; an older one than before changes nothing. */
  synchronized void saw(long version) throws IOException {
    if (version > recordVersion) {
      replace(version, token, epoch, nonce);
    }
  }

  /** A new token, for an admission that is about to be asked for. */
  synchronized long newToken() throws IOException {
    long fresh;
    do {
      fresh = random.nextLong();
    } while (fresh == 0);
    replace(recordVersion, fresh, epoch, nonce);
    return fresh;
  }

  /** A process has an epoch, and acts on a version of the record. */
  synchronized void follows(long newEpoch, long newNonce, long version) throws IOException {
    if (newEpoch != epoch || newNonce != nonce || version > recordVersion) {
      replace(Math.max(version, recordVersion), token, newEpoch, newNonce);
    }
  }

  private void replace(long newVersion, long newToken, long newEpoch, long newNonce)
      throws IOException {
    HexFormat hex = HexFormat.of();
    String text =
        "tidemark-cluster 1\nrecord "
            + newVersion
            + "\ntoken "
            + hex.toHexDigits(newToken)
            + "\nfollows "
            + newEpoch
            + " "
            + hex.toHexDigits(newNonce)
            + "\n";
    new DurableFile(file).replace(text);
    recordVersion = newVersion;
    token = newToken;
    epoch = newEpoch;
    nonce = newNonce;
  }
}
