package io.tidemark.node.event;

import io.tidemark.database.DatabasePosition;
import io.tidemark.database.Divergence;
import io.tidemark.node.json.Json;
import java.time.Instant;
import java.util.Map;

/**
 * One event. Names and shapes of the first three are LiteFS's: {@code type}, {@code db} where it
 * concerns one, {@code data}.
 */
sealed interface Event {
  /** As JSON has it. */
  Map<String, Object> json();

  /**
   * The first that a listener hears.
   *
   * @param hostname of the primary, "" if none is known
   */
  record Init(boolean isPrimary, String hostname) implements Event {
    @Override
    public Map<String, Object> json() {
      return Json.object(
          "type", "init", "data", Json.object("isPrimary", isPrimary, "hostname", hostname));
    }
  }

  /**
   * A transaction was committed here, or came from the primary and can be read here.
   *
   * @param commitMillis when it was committed, milliseconds since 1970
   */
  record Tx(String db, DatabasePosition position, long commitMillis) implements Event {
    @Override
    public Map<String, Object> json() {
      return Json.object(
          "type",
          "tx",
          "db",
          db,
          "data",
          Json.object(
              "txID", hex(position.txid()),
              "postApplyChecksum", hex(position.checksum()),
              "pageSize", position.pageSize(),
              "commit", position.pageCount(),
              "timestamp", Instant.ofEpochMilli(commitMillis).toString()));
    }
  }

  /** Another node is the primary. */
  record PrimaryChange(boolean isPrimary, String hostname) implements Event {
    @Override
    public Map<String, Object> json() {
      return Json.object(
          "type",
          "primaryChange",
          "data",
          Json.object("isPrimary", isPrimary, "hostname", hostname));
    }
  }

  /** Transactions of this node that the primary does not have were set aside. */
  record Diverged(Divergence divergence) implements Event {
    @Override
    public Map<String, Object> json() {
      return Json.object(
          "type",
          "divergence",
          "db",
          divergence.name(),
          "data",
          Json.object(
              "id", divergence.id(),
              "firstTxID", hex(divergence.firstTxid()),
              "lastTxID", hex(divergence.lastTxid()),
              "postApplyChecksum", hex(divergence.checksum()),
              "path", divergence.path().toString(),
              "why", divergence.why()));
    }
  }

  /** The last that a listener hears who does not take events as fast as they come. */
  record Lost(String error, String hint) implements Event {
    @Override
    public Map<String, Object> json() {
      return Json.object("type", "error", "data", Json.object("error", error, "hint", hint));
    }
  }

  private static String hex(long value) {
    return String.format("%016x", value);
  }
}
