package io.tidemark.node.halt;

import io.tidemark.database.LogPosition;
import io.tidemark.node.json.Json;
import java.util.Map;

/** What is said about halt locks over HTTP. */
public final class HaltJson {
  private HaltJson() {}

  /** The answer of POST /halt. */
  public static Object of(HaltGrant grant) {
    return Json.object(
        "name", grant.name(),
        "id", grant.id(),
        "term", hex(grant.term()),
        "epoch", grant.epoch(),
        "position", of(grant.position()),
        "expiresMillis", grant.remainingMillis());
  }

  /** A position; the answer of POST /tx. */
  public static Object of(LogPosition position) {
    return Json.object(
        "epoch", position.epoch(),
        "txid", hex(position.txid()),
        "checksum", hex(position.checksum()));
  }

  /**
   * @throws IllegalArgumentException when it is no such answer
   */
  static HaltGrant grant(String name, String id, Map<?, ?> json) {
    return new HaltGrant(
        name,
        id,
        unhex(json.get("term")),
        number(json.get("epoch")),
        position(object(json.get("position"))),
        number(json.get("expiresMillis")));
  }

  static LogPosition position(Map<?, ?> json) {
    return new LogPosition(
        number(json.get("epoch")), unhex(json.get("txid")), unhex(json.get("checksum")));
  }

  static Map<?, ?> object(Object json) {
    if (json instanceof Map<?, ?> object) {
      return object;
    }
    throw new IllegalArgumentException("no JSON object: " + json);
  }

  private static long number(Object json) {
    if (json instanceof Number number) {
      return number.longValue();
    }
    throw new IllegalArgumentException("no number: " + json);
  }

  private static long unhex(Object json) {
    return Long.parseUnsignedLong(String.valueOf(json), 16);
  }

  static String hex(long value) {
    return String.format("%016x", value);
  }
}
