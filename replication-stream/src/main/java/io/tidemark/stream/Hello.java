package io.tidemark.stream;

import java.nio.charset.StandardCharsets;
import java.util.Objects;

/**
 * The first frame of a replica: who it is. Its positions follow in {@link Positions} once the
 * primary has answered with {@link Welcome}, so that a stranger gets no more than a few kilobytes
 * read.
 *
 * @param clusterId cluster that the data directory belongs to; {@link Id#NONE} if it is empty
 * @param nodeId the node, never {@link Id#NONE}
 * @param incarnation the life of its data directory, never {@link Id#NONE}: another one means that
 *     what the node once acknowledged may be gone
 * @param processNonce the running process, never {@link Id#NONE}
 * @param greatestEpoch the greatest epoch that this node has seen anywhere, 0 if none; a primary of
 *     a smaller one has been replaced
 * @param token the random number that the node drew for its last admission to the in-sync set,
 *     {@link Id#NONE} if there was none
 * @param recordVersion newest version of the cluster record that this node knows of, 0 if none
 * @param advertiseUrl where other nodes and clients reach this node; may be empty
 */
public record Hello(
    Id clusterId,
    Id nodeId,
    Id incarnation,
    Id processNonce,
    long greatestEpoch,
    Id token,
    long recordVersion,
    String advertiseUrl)
    implements Frame {

  public Hello {
    Objects.requireNonNull(clusterId, "clusterId");
    FrameType type = FrameType.HELLO;
    type.check(!nodeId.isNone(), "node id", nodeId, "one that is not 0");
    type.check(!incarnation.isNone(), "incarnation", incarnation, "one that is not 0");
    type.check(!processNonce.isNone(), "process nonce", processNonce, "one that is not 0");
    type.check(greatestEpoch >= 0, "greatest epoch", greatestEpoch, "0 to 2^63-1");
    Objects.requireNonNull(token, "token");
    type.check(recordVersion >= 0, "record version", recordVersion, "0 to 2^63-1");
    int bytes = advertiseUrl.getBytes(StandardCharsets.UTF_8).length;
    type.check(
        bytes <= Protocol.MAX_URL,
        "length of the advertised URL",
        bytes,
        "at most " + Protocol.MAX_URL);
    type.check(
        advertiseUrl.chars().noneMatch(c -> c <= ' ' || Character.isISOControl(c)),
        "advertised URL",
        '"' + Text.clean(advertiseUrl) + '"',
        "no blanks and no control characters");
  }

  @Override
  public FrameType type() {
    return FrameType.HELLO;
  }

  void write(PayloadWriter out) {
    out.u16(Protocol.VERSION).id(clusterId).id(nodeId).id(incarnation).id(processNonce);
    out.u64(greatestEpoch).id(token).u64(recordVersion).text(advertiseUrl);
  }

  static Hello read(PayloadReader in) {
    Protocol.checkVersion(FrameType.HELLO, in.u16("protocol version"));
    return new Hello(
        in.randomId("cluster id"),
        in.randomId("node id"),
        in.randomId("incarnation"),
        in.randomId("process nonce"),
        in.u64("greatest epoch"),
        in.randomId("token"),
        in.u64("record version"),
        in.text("advertised URL", Protocol.MAX_URL));
  }
}
