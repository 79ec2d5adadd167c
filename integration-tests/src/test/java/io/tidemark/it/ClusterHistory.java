package io.tidemark.it;

import io.tidemark.node.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What the clients of a cluster did and saw, one operation after the other, as a file of JSON lines
 * that checkers of others can read as well; integration-tests/README.md describes its fields.
 */
final class ClusterHistory {
  /** What a client knows of an operation when it is over. */
  enum Outcome {
    OK,
    /** Nothing of it may ever appear. */
    REFUSED,
    /** In doubt: everywhere or nowhere. */
    UNKNOWN
  }

  /** The end of an operation of which nobody saw one. */
  static final long NEVER = Long.MAX_VALUE;

  /**
   * One operation. Times are those of CLOCK_MONOTONIC, in nanoseconds.
   *
   * @param kind "write" of one row, or "read" of all rows in one read transaction
   * @param value what a write inserts, unique; empty for a read
   * @param text SQLite's words; of a read that succeeded: what contradicts itself in it, or empty
   * @param count rows that were read
   * @param digest SHA-256, in hexadecimal digits, of all values that were read in the order of the
   *     table, each followed by a line feed
   * @param last the last of these values; empty if there was none
   */
  record Operation(
      String op,
      String kind,
      String client,
      String node,
      String db,
      String value,
      long start,
      long end,
      Outcome outcome,
      String text,
      int count,
      String digest,
      String last) {

    boolean isWrite() {
      return kind.equals("write");
    }

    /** Whether it is one that was acknowledged and began after a moment. */
    boolean isAcknowledgedSince(long since) {
      return isWrite() && outcome == Outcome.OK && start > since;
    }

    String label() {
      return "%s %s of %s on %s (%s%s)"
          .formatted(
              kind,
              op,
              db,
              node,
              outcome.name().toLowerCase(java.util.Locale.ROOT),
              text.isEmpty() ? "" : ": " + text);
    }
  }

  private ClusterHistory() {}

  /** The operations that clients have noted in their own files, in the order of their starts. */
  static List<Operation> collect(List<Path> raw) throws IOException {
    List<Operation> all = new ArrayList<>();
    for (Path file : raw) {
      Map<String, Map<?, ?>> begun = new LinkedHashMap<>();
      Map<String, Map<?, ?>> ended = new LinkedHashMap<>();
      String text = Files.readString(file);
      // A client may be writing the last line just now.
      for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
        Map<?, ?> event = (Map<?, ?>) Json.parse(line);
        (event.get("event").equals("begin") ? begun : ended).put(text(event, "op"), event);
      }
      begun.forEach((op, begin) -> all.add(operation(op, begin, ended.get(op))));
    }
    all.sort(Comparator.comparingLong(Operation::start));
    return all;
  }

  private static Operation operation(String op, Map<?, ?> begin, Map<?, ?> given) {
    Map<?, ?> end =
        given == null ? Map.of("outcome", "unknown", "text", "the client did not end it") : given;
    return new Operation(
        op,
        text(begin, "kind"),
        text(begin, "client"),
        text(begin, "node"),
        text(begin, "db"),
        text(begin, "value"),
        number(begin, "time"),
        given == null ? NEVER : number(end, "time"),
        Outcome.valueOf(text(end, "outcome").toUpperCase(java.util.Locale.ROOT)),
        text(end, "text"),
        (int) number(end, "count"),
        text(end, "digest"),
        text(end, "last"));
  }

  private static String text(Map<?, ?> map, String key) {
    return map.get(key) == null ? "" : map.get(key).toString();
  }

  private static long number(Map<?, ?> map, String key) {
    return map.get(key) == null ? 0 : ((Number) map.get(key)).longValue();
  }

  /** One line per operation. */
  static void write(Path file, List<Operation> operations) throws IOException {
    List<String> lines = new ArrayList<>();
    for (Operation o : operations) {
      Map<String, Object> line =
          Json.object(
              "op", o.op(),
              "kind", o.kind(),
              "client", o.client(),
              "node", o.node(),
              "db", o.db(),
              "start", o.start(),
              "end", o.end() == NEVER ? null : o.end(),
              "outcome", o.outcome().name().toLowerCase(java.util.Locale.ROOT),
              "text", o.text());
      if (o.isWrite()) {
        line.put("value", o.value());
      } else if (o.outcome() == Outcome.OK) {
        line.putAll(Json.object("count", o.count(), "digest", o.digest(), "last", o.last()));
      }
      lines.add(Json.write(line));
    }
    Files.write(file, lines);
  }
}
